// What a ladder of fidelities has found: how many trained at each rung, what came out and what it took, and the proxy meter: how far a
// rung puts cells into the order of the next. Values, tables and sentences; page.ts and show lay them out.

import { ladderOptions } from '../selection/ladder-options.ts';
import { type RankCorrelation, rankCorrelation } from '../statistics/kendall.ts';
import { trainingDetails } from '../study/result-schemas.ts';
import { goesOn, rungTrainings, whyAnew } from '../study/rung-trainings.ts';
import type { RungRecord } from '../study/rungs.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { duration, percent, whole } from '../words.ts';

export interface RungFinding {
  /** 0 is the lowest: every cell's first training. */
  rung: number;
  training: Training;
  /** Trainings with a reward, those that failed, and those asked for that have neither; at rung 0 without repeated graphs. */
  done: number;
  failed: number;
  open: number;
  best: { trial: number; reward: number } | null;
  mean: number | null;
  /** Seconds that workers spent on those that are over; a worker computes on one core. */
  workerSeconds: number;
  /** Where children go on from the rung below: how many found their weights kept, and how many had to be trained from their beginning. */
  weights?: { kept: number; lost: number };
}

export interface ProxyMeter {
  lower: number;
  upper: number;
  /** How many trials have a reward at both rungs. They are a selection: the best of the lower one. */
  trials: number;
  /** Of the rewards at both rungs; absent for too few trials. */
  correlation?: RankCorrelation;
  /** The same over those of them on which a lot fell: they stand for all that finished the lower rung. Absent without lots. */
  drawn?: { trials: number; correlation?: RankCorrelation };
}

export interface LadderFindings {
  /** η */
  reduction: number;
  rungs: RungFinding[];
  meters: ProxyMeter[];
}

/** Undefined in studies without a ladder. */
export function ladderFindings(study: Study<SearchSettings>): LadderFindings | undefined {
  const { settings } = study;
  const { ladder } = settings;
  if (!ladder) return undefined;
  const records = study.rungs.all();
  const trainings = rungTrainings(settings);
  const rewards = trainings.map(() => new Map<number, number>()); // of each rung, by trial
  for (const { trial, reward } of study.rewards({ trainedOnly: true })) rewards[0]!.set(trial, reward);
  for (const { trial, rung, reward } of records) if (reward !== null) rewards[rung]!.set(trial, reward);
  const { drawn } = ladderOptions(settings)!;
  return {
    reduction: ladder.reduction,
    rungs: trainings.map((training, rung) => ({
      rung,
      training,
      ...(rung === 0 ? lowest(study, records) : climbed(records, rung)),
      ...bestAndMean(rewards[rung]!),
      ...(rung > 0 && goesOn(trainings[rung - 1]!, training) && { weights: weightsOf(records, rung) }),
    })),
    meters: trainings.slice(1).map((_, rung) => meter(rewards, rung, drawn)),
  };
}

function lowest(study: Study<SearchSettings>, records: readonly RungRecord[]) {
  const { trials, repeats, workerSeconds } = study.summary();
  const above = records.reduce((sum, record) => sum + (record.workerSeconds ?? 0), 0);
  return {
    done: trials.done - repeats.trials,
    failed: trials.failed,
    open: trials.queued + trials.running,
    workerSeconds: workerSeconds - above,
  };
}

function climbed(records: readonly RungRecord[], rung: number) {
  const own = records.filter((record) => record.rung === rung);
  const count = (...states: string[]) => own.filter(({ state }) => states.includes(state)).length;
  return {
    done: count('done'),
    failed: count('failed'),
    open: count('queued', 'running'),
    workerSeconds: own.reduce((sum, { workerSeconds }) => sum + (workerSeconds ?? 0), 0),
  };
}

/** Of rewards by trial. */
export function bestAndMean(rewards: ReadonlyMap<number, number>): Pick<RungFinding, 'best' | 'mean'> {
  let best: RungFinding['best'] = null;
  let sum = 0;
  for (const [trial, reward] of rewards) {
    if (!best || reward > best.reward) best = { trial, reward };
    sum += reward;
  }
  return { best, mean: rewards.size === 0 ? null : sum / rewards.size };
}

function weightsOf(records: readonly RungRecord[], rung: number): { kept: number; lost: number } {
  const told = records.flatMap(({ rung: own, details }) => {
    const { continued } = trainingDetails(details);
    return own === rung && continued !== undefined ? [continued] : [];
  });
  const kept = told.filter(Boolean).length;
  return { kept, lost: told.length - kept };
}

function meter(
  rewards: readonly ReadonlyMap<number, number>[],
  lower: number,
  drawn: ((trial: number, rung: number) => boolean) | undefined,
): ProxyMeter {
  const [below, above] = [rewards[lower]!, rewards[lower + 1]!];
  const both = [...above.keys()].filter((trial) => below.has(trial));
  const correlationOf = (trials: readonly number[]) => {
    const correlation = rankCorrelation(
      trials.map((trial) => below.get(trial)!),
      trials.map((trial) => above.get(trial)!),
    );
    return { trials: trials.length, ...(correlation && { correlation }) };
  };
  return {
    lower,
    upper: lower + 1,
    ...correlationOf(both),
    ...(drawn && { drawn: correlationOf(both.filter((trial) => drawn(trial, lower))) }),
  };
}

/** "3 epochs on 4,000 images of 16 × 16, N = 1, F = 8" */
export function rungWords({ cells, filters, resolution, trainingImages, recipe }: Training): string {
  const epochs = recipe.epochs === 1 ? '1 epoch' : `${recipe.epochs} epochs`;
  const images = trainingImages === undefined ? 'all images' : `${whole(trainingImages)} images`;
  return `${epochs} on ${images} of ${resolution} × ${resolution}, N = ${cells}, F = ${filters}`;
}

/** How many climbed the ladder, and what its rungs tell of each other. */
export function ladderSentences({ reduction, rungs, meters }: LadderFindings): string[] {
  const [lowestRung, ...higher] = rungs as [RungFinding, ...RungFinding[]];
  const lots = meters.some(({ drawn }) => drawn);
  const climbed = higher.map(({ rung, done }) => `${whole(done)} at rung ${rung}`).join(', ');
  return [
    `The best of the ${whole(lowestRung.done)} children trained at rung 0, about one in ${reduction}${lots ? ', and some promoted at random' : ''}, were trained further: ${climbed}.`,
    ...meters.map(meterSentence),
  ];
}

function meterSentence({ lower, upper, trials, correlation, drawn }: ProxyMeter): string {
  const between = `Between the rewards at rungs ${lower} and ${upper}`;
  const all = drawn
    ? lotWords(drawn, lower)
    : `over all cells it may be higher, which random promotions would measure.`;
  if (!correlation)
    return `${between} too little is known for Kendall's τ: ${count(trials)} at both.${drawn ? ` And ${all}` : ''}`;
  return (
    `${between} of ${count(trials)}, Kendall's τ is ${tauWords(correlation)}: ${meaningOf(correlation)}. ` +
    `They are ${drawn ? 'mostly ' : ''}the best of rung ${lower}, whose rewards differ little there; ${all}`
  );
}

function lotWords({ trials, correlation }: NonNullable<ProxyMeter['drawn']>, lower: number): string {
  const who = `over the ${whole(trials)} of them on whom a lot fell, and who so stand for all of rung ${lower},`;
  return correlation ? `${who} it is ${tauWords(correlation)}.` : `${who} it cannot be told yet.`;
}

const count = (trials: number) => (trials === 1 ? '1 child' : `${whole(trials)} children`);

const tauWords = ({ tau, low, high }: RankCorrelation) =>
  `${tau.toFixed(2)} (95% interval ${low.toFixed(2)} to ${high.toFixed(2)})`;

function meaningOf({ low, high }: RankCorrelation): string {
  if (low > 0) return 'the lower rung tells something of their order at the higher one';
  if (high < 0) return 'the lower rung puts them into the opposite order';
  return 'whether the lower rung tells anything of their order at the higher one does not show';
}

/** The rungs as a table, its head the first row. */
export function ladderTable({ rungs }: LadderFindings): string[][] {
  const head = ['rung', 'training', 'trained', 'best', 'mean', "workers' time", 'weights'];
  return [
    head,
    ...rungs.map(({ rung, training, best, mean, workerSeconds, weights, ...counts }, place) => [
      `${rung}`,
      rungWords(training),
      trainedWords(counts),
      best ? `${percent(best.reward, 2)} (trial ${best.trial})` : '–',
      mean === null ? '–' : percent(mean, 2),
      duration(workerSeconds),
      weights
        ? `of rung ${rung - 1}${weights.lost > 0 ? `, ${whole(weights.lost)} lost` : ''}`
        : `new${rung === 0 ? '' : ` (${whyAnew(rungs[place - 1]!.training, training)})`}`,
    ]),
  ];
}

/** "24, 1 failed, 3 to come" */
export function trainedWords({ done, failed, open }: Pick<RungFinding, 'done' | 'failed' | 'open'>): string {
  return [
    whole(done),
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(open > 0 ? [`${whole(open)} to come`] : []),
  ].join(', ');
}

/** The proxy meter as a table, its head the first row. */
export function meterTable({ meters }: LadderFindings): string[][] {
  const lots = meters.some(({ drawn }) => drawn);
  const tau = (correlation?: RankCorrelation) => (correlation ? tauWords(correlation) : 'too few');
  return [
    ['rungs', 'trials at both', "Kendall's τ", ...(lots ? ['promoted at random', 'their τ'] : [])],
    ...meters.map(({ lower, upper, trials, correlation, drawn }) => [
      `${lower} and ${upper}`,
      whole(trials),
      tau(correlation),
      ...(drawn ? [whole(drawn.trials), tau(drawn.correlation)] : []),
    ]),
  ];
}
