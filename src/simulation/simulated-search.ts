// A whole search against a simulated clock: a strategy, hundreds of workers with training times of their own, simulated rewards.
// Years of training pass in seconds, the same in every run. It shows how a strategy learns and what asynchrony costs.

import { RandomStream } from '../random/stream.ts';
import type { Strategy } from '../search/strategy.ts';
import { type Landscape, normal, trueReward } from './landscape.ts';

export interface SimulationOptions {
  /** Fresh. */
  strategy: Strategy;
  /** How many options each decision has. */
  sizes: readonly number[];
  trials: number;
  workers: number;
  landscape: Landscape;
  /** Of landscape, noise and training times. */
  seed: number | string;
  /** Median training time of a child in seconds. */
  childSeconds: number;
  /** Deviation of the logarithm of training times: 0.6 means that most lie within a factor of 1.8. */
  timeSpread: number;
  /** Share of the trials that fail at the end of their training. */
  failureRate: number;
  /** Seconds that the one controller takes to decide on an architecture and to learn from one outcome, an update included. */
  askSeconds: number;
  tellSeconds: number;
  /**
   * 'asynchronous': a worker that is free gets the next architecture at once, whatever is still being trained (the paper's queue).
   * 'rounds': as many as there are workers are trained, and the next round starts when the last one is told.
   */
  mode: 'asynchronous' | 'rounds';
  /** Told now and then. */
  onProgress?: (told: number) => void;
}

export interface SimulatedTrial {
  trial: number;
  /** Without the measurement's noise. */
  truth: number;
  /** What the strategy was told; undefined: it failed. */
  measured: number | undefined;
  /** Updates of the strategy between its ask and its tell. */
  staleness: number;
}

export interface Simulation {
  /** In the order of the tells. */
  trials: SimulatedTrial[];
  /** Simulated seconds from the first ask to the last tell. */
  seconds: number;
  /** Share of the workers' time spent on training: until there was nothing more to ask for, and to the end. */
  utilisation: { whileAsking: number; overall: number };
  /** Updates between ask and tell. */
  staleness: { mean: number; most: number };
  /** Simulated seconds that a free worker waited for its next architecture. */
  waiting: { mean: number; most: number };
  updates: number;
}

const progressEvery = 500; // tells

interface Running {
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
  const told: SimulatedTrial[] = [];
  const waits: number[] = [];
  let busyWhileAsking = 0;
  let busy = 0;
  let asked = 0;
  let updates = 0;
  let controllerFreeAt = 0; // one controller decides and learns, one thing after the other
  let lastAskAt = 0;

  const ask = (now: number) => {
    const { worker, since } = free.shift()!;
    const trial = asked++;
    const decisions = strategy.ask(trial);
    controllerFreeAt = Math.max(controllerFreeAt, now) + askSeconds;
    lastAskAt = controllerFreeAt;
    const own = random.split(`trial ${trial}`);
    const seconds = options.childSeconds * Math.exp(options.timeSpread * normal(own));
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

  const tell = ({ trial, worker, truth, updatesAtAsk, startedAt, endsAt }: Running) => {
    const own = random.split(`outcome ${trial}`);
    const failed = own.uniform() < options.failureRate;
    const measured = failed ? undefined : truth + landscape.noise * normal(own);
    const figures = strategy.tell(trial, measured === undefined ? { failed: 'simulated' } : { reward: measured });
    controllerFreeAt = Math.max(controllerFreeAt, endsAt) + tellSeconds;
    told.push({ trial, truth, measured, staleness: updates - updatesAtAsk });
    busy += endsAt - startedAt;
    free.push({ worker, since: endsAt });
    if (figures) updates++;
    if (told.length % progressEvery === 0) options.onProgress?.(told.length);
  };

  const mayAsk = () => asked < trials && free.length > 0 && (mode === 'asynchronous' || free.length === workers);
  while (told.length < trials) {
    if (mayAsk()) {
      const round = mode === 'rounds' ? Math.min(workers, trials - asked) : 1;
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
    trials: told,
    seconds: controllerFreeAt,
    utilisation: {
      whileAsking: busyWhileAsking / (workers * lastAskAt),
      overall: busy / (workers * controllerFreeAt),
    },
    staleness: summed(told.map(({ staleness }) => staleness)),
    waiting: summed(waits),
    updates,
  };
}

function summed(values: readonly number[]): { mean: number; most: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, most: values.reduce((most, value) => Math.max(most, value), 0) };
}

/** What is being trained, sorted by its end; of equal ends the earlier trial first. */
class EarliestFirst {
  readonly history: Running[] = [];
  readonly #waiting: Running[] = []; // latest end first

  add(item: Running): void {
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

  take(): Running {
    return this.#waiting.pop()!;
  }
}
