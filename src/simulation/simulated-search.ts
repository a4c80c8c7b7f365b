// Simulates a whole search on a simulated clock: a strategy, hundreds of workers with random training times, simulated
// rewards.
// Years of training take seconds, and every run is the same. It shows how a strategy learns and what asynchrony costs.

import { normal } from '../random/normal.ts';
import { RandomStream } from '../random/stream.ts';
import type { Strategy } from '../search/strategy.ts';
import { type Landscape, trueReward } from './landscape.ts';

export interface SimulationOptions {
  /** A new strategy. */
  strategy: Strategy;
  /** The number of options of each decision. */
  sizes: readonly number[];
  trials: number;
  workers: number;
  landscape: Landscape;
  /** Seed of the landscape, the noise and the training times. */
  seed: number | string;
  /** Median training time of a child in seconds. */
  childSeconds: number;
  /** Standard deviation of the logarithm of training times: 0.6 means that most are within a factor of 1.8. */
  timeSpread: number;
  /** Share of the trials that fail at the end of their training. */
  failureRate: number;
  /** Seconds that the single controller takes for one ask and one tell, including an update. */
  askSeconds: number;
  tellSeconds: number;
  /**
   * 'asynchronous': a free worker gets the next architecture at once (the paper's queue).
   * 'rounds': each worker trains one child, and the next round starts when the last reward is reported.
   */
  mode: 'asynchronous' | 'rounds';
  /** Called from time to time with the number of finished trials. */
  onProgress?: (finished: number) => void;
}

export interface SimulatedTrial {
  trial: number;
  /** The true reward, without noise. */
  truth: number;
  /** The reward reported to the strategy; undefined if the trial failed. */
  measured: number | undefined;
  /** Number of updates of the strategy between the trial's ask and its tell. */
  staleness: number;
}

export interface Simulation {
  /** In the order of the tells. */
  trials: SimulatedTrial[];
  /** Simulated seconds from the first ask to the last tell. */
  seconds: number;
  /** Share of the workers' time spent on training: until the last ask, and until the end. */
  utilisation: { whileAsking: number; overall: number };
  /** Updates between ask and tell: mean and maximum. */
  staleness: { mean: number; most: number };
  /** Simulated seconds that a free worker waited for its next architecture: mean and maximum. */
  waiting: { mean: number; most: number };
  updates: number;
}

const progressEvery = 500; // tells

interface RunningTrial {
  trial: number;
  worker: number;
  truth: number;
  updatesAtAsk: number;
  startedAt: number;
  endsAt: number;
}

/** Runs a search on the simulated clock. */
export function simulate(options: SimulationOptions): Simulation {
  const { strategy, sizes, trials, workers, landscape, seed, askSeconds, tellSeconds, mode } = options;
  const reward = trueReward(sizes, landscape, seed);
  const random = new RandomStream(seed).split('simulation');
  const running = new EarliestFirst();
  const free = Array.from({ length: workers }, (_, worker) => ({ worker, since: 0 }));
  const finished: SimulatedTrial[] = [];
  const waits: number[] = [];
  let busyWhileAsking = 0;
  let busy = 0;
  let askCount = 0;
  let updates = 0;
  let controllerFreeAt = 0; // the single controller processes asks and tells one after the other
  let lastAskAt = 0;

  const ask = (now: number) => {
    const { worker, since } = free.shift()!;
    const trial = askCount++;
    const decisions = strategy.ask(trial);
    controllerFreeAt = Math.max(controllerFreeAt, now) + askSeconds;
    lastAskAt = controllerFreeAt;
    const trialRandom = random.split(`trial ${trial}`);
    const seconds = options.childSeconds * Math.exp(options.timeSpread * normal(trialRandom));
    const startedAt = controllerFreeAt;
    waits.push(startedAt - since);
    running.add({
      trial,
      worker,
      truth: reward(decisions),
      updatesAtAsk: updates,
      startedAt,
      endsAt: startedAt + seconds,
    });
  };

  const tell = ({ trial, worker, truth, updatesAtAsk, startedAt, endsAt }: RunningTrial) => {
    const trialRandom = random.split(`outcome ${trial}`);
    const failed = trialRandom.uniform() < options.failureRate;
    const measured = failed ? undefined : truth + landscape.noise * normal(trialRandom);
    const figures = strategy.tell(trial, measured === undefined ? { failed: 'simulated' } : { reward: measured });
    controllerFreeAt = Math.max(controllerFreeAt, endsAt) + tellSeconds;
    finished.push({ trial, truth, measured, staleness: updates - updatesAtAsk });
    busy += endsAt - startedAt;
    free.push({ worker, since: endsAt });
    if (figures) updates++;
    if (finished.length % progressEvery === 0) options.onProgress?.(finished.length);
  };

  const mayAsk = () => askCount < trials && free.length > 0 && (mode === 'asynchronous' || free.length === workers);
  while (finished.length < trials) {
    if (mayAsk()) {
      const round = mode === 'rounds' ? Math.min(workers, trials - askCount) : 1;
      for (let count = 0; count < round; count++) ask(controllerFreeAt);
    } else {
      const next = running.take();
      tell(next);
    }
  }
  for (const { endsAt, startedAt } of running.history) {
    busyWhileAsking += Math.max(0, Math.min(endsAt, lastAskAt) - startedAt);
  }
  return {
    trials: finished,
    seconds: controllerFreeAt,
    utilisation: {
      whileAsking: busyWhileAsking / (workers * lastAskAt),
      overall: busy / (workers * controllerFreeAt),
    },
    staleness: meanAndMaximum(finished.map(({ staleness }) => staleness)),
    waiting: meanAndMaximum(waits),
    updates,
  };
}

function meanAndMaximum(values: readonly number[]): { mean: number; most: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, most: values.reduce((most, value) => Math.max(most, value), 0) };
}

/** A queue of running trials by the time they end; of equal times the earlier trial comes first. */
class EarliestFirst {
  readonly history: RunningTrial[] = [];
  readonly #waiting: RunningTrial[] = []; // latest end first

  add(item: RunningTrial): void {
    this.history.push(item);
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#waiting[middle]!;
      if (other.endsAt > item.endsAt || (other.endsAt === item.endsAt && other.trial > item.trial)) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, item);
  }

  take(): RunningTrial {
    return this.#waiting.pop()!;
  }
}
