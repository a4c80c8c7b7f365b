// The findings of a ladder of fidelities: the number of trainings at each rung, their results and cost, and the proxy
// meter, the rank correlation of a rung with the next. Values, tables and sentences; page.ts and show lay them out.

import { ladderOptions } from '../selection/ladder-options.ts';
import { type RankCorrelation, rankCorrelation } from '../statistics/kendall.ts';
import { trainingDetails } from '../study/result-schemas.ts';
import { canContinue, reasonForRestart, rungTrainings } from '../study/rung-trainings.ts';
import type { RungRecord } from '../study/rungs.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { duration, percent, whole } from '../words.ts';

export interface RungFinding {
  /** 0 is the lowest: every cell's first training. */
  rung: number;
  training: Training;
  /** The number of trainings with a reward, of failed ones, and of open ones; at rung 0 without repeated graphs. */
  done: number;
  failed: number;
  open: number;
  best: { trial: number; reward: number } | null;
  mean: number | null;
  /** Seconds that workers spent on finished trainings; a worker computes on one core. */
  workerSeconds: number;
  /**
   * If children continue from the rung below: how many did, and how many had to start again because their weights were
   * lost.
   */
  weights?: { kept: number; lost: number };
}

export interface ProxyMeter {
  lower: number;
  upper: number;
  /** The number of trials with a reward at both rungs. They are a selection: the best of the lower one. */
  trials: number;
  /** The correlation of the rewards at both rungs; absent for too few trials. */
  correlation?: RankCorrelation;
  /**
   * The same for those promoted at random, which represent all that finished the lower rung. Absent without random
   * promotions.
   */
  atRandom?: { trials: number; correlation?: RankCorrelation };
}

export interface LadderFindings {
  /** η */
  reduction: number;
  rungs: RungFinding[];
  meters: ProxyMeter[];
}

/** Returns the findings; undefined in studies without a ladder. */
export function ladderFindings(study: Study<SearchSettings>): LadderFindings | undefined {
  const { settings } = study;
  const { ladder } = settings;
  if (!ladder) return undefined;
  const records = study.rungs.all();
  const trainings = rungTrainings(settings);
  const rewards = trainings.map(() => new Map<number, number>()); // of each rung, by trial
  for (const { trial, reward } of study.rewards({ trainedOnly: true })) rewards[0]!.set(trial, reward);
  for (const { trial, rung, reward } of records) if (reward !== null) rewards[rung]!.set(trial, reward);
  const { atRandom } = ladderOptions(settings)!;
  return {
    reduction: ladder.reduction,
    rungs: trainings.map((training, rung) => ({
      rung,
      training,
      ...(rung === 0 ? lowestRung(study, records) : higherRung(records, rung)),
      ...bestAndMean(rewards[rung]!),
      ...(rung > 0 && canContinue(trainings[rung - 1]!, training) && { weights: weightsOf(records, rung) }),
    })),
    meters: trainings.slice(1).map((_, rung) => meter(rewards, rung, atRandom)),
  };
}

function lowestRung(study: Study<SearchSettings>, records: readonly RungRecord[]) {
  const { trials, repeats, workerSeconds } = study.summary();
  const above = records.reduce((sum, record) => sum + (record.workerSeconds ?? 0), 0);
  return {
    done: trials.done - repeats.trials,
    failed: trials.failed,
    open: trials.queued + trials.running,
    workerSeconds: workerSeconds - above,
  };
}

function higherRung(records: readonly RungRecord[], rung: number) {
  const own = records.filter((record) => record.rung === rung);
  const count = (...states: string[]) => own.filter(({ state }) => states.includes(state)).length;
  return {
    done: count('done'),
    failed: count('failed'),
    open: count('queued', 'running'),
    workerSeconds: own.reduce((sum, { workerSeconds }) => sum + (workerSeconds ?? 0), 0),
  };
}

/** Returns the best and the mean of rewards by trial. */
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
  const continuations = records.flatMap((record) => {
    const { continued } = trainingDetails(record.details);
    return record.rung === rung && continued !== undefined ? [continued] : [];
  });
  const successes = continuations.filter(Boolean).length;
  return { kept: successes, lost: continuations.length - successes };
}

function meter(
  rewards: readonly ReadonlyMap<number, number>[],
  lower: number,
  atRandom: ((trial: number, rung: number) => boolean) | undefined,
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
    ...(atRandom && { atRandom: correlationOf(both.filter((trial) => atRandom(trial, lower))) }),
  };
}

/** Returns "3 epochs on 4,000 images of 16 × 16, N = 1, F = 8". */
export function rungWords({ cells, filters, resolution, trainingImages, recipe }: Training): string {
  const epochs = recipe.epochs === 1 ? '1 epoch' : `${recipe.epochs} epochs`;
  const images = trainingImages === undefined ? 'all images' : `${whole(trainingImages)} images`;
  return `${epochs} on ${images} of ${resolution} × ${resolution}, N = ${cells}, F = ${filters}`;
}

/** Returns sentences about the number of promotions and the correlations between rungs. */
export function ladderSentences({ reduction, rungs, meters }: LadderFindings): string[] {
  const [lowestRung, ...higher] = rungs as [RungFinding, ...RungFinding[]];
  const hasRandom = meters.some(({ atRandom }) => atRandom);
  const promotions = higher.map(({ rung, done }) => `${whole(done)} at rung ${rung}`).join(', ');
  return [
    `The best of the ${whole(lowestRung.done)} children trained at rung 0, about one in ${reduction}${hasRandom ? ', and some promoted at random' : ''}, were trained further: ${promotions}.`,
    ...meters.map(meterSentence),
  ];
}

function meterSentence({ lower, upper, trials, correlation, atRandom }: ProxyMeter): string {
  const between = `Between the rewards at rungs ${lower} and ${upper}`;
  const all = atRandom
    ? randomWords(atRandom, lower)
    : `over all cells it may be higher, which random promotions would measure.`;
  if (!correlation)
    return `${between} too little is known for Kendall's τ: ${count(trials)} at both.${atRandom ? ` And ${all}` : ''}`;
  return (
    `${between} of ${count(trials)}, Kendall's τ is ${tauWords(correlation)}: ${meaningOf(correlation)}. ` +
    `They are ${atRandom ? 'mostly ' : ''}the best of rung ${lower}, whose rewards differ little there; ${all}`
  );
}

function randomWords({ trials, correlation }: NonNullable<ProxyMeter['atRandom']>, lower: number): string {
  const who = `over the ${whole(trials)} of them that were promoted at random, and so represent all of rung ${lower},`;
  return correlation ? `${who} it is ${tauWords(correlation)}.` : `${who} it cannot be measured yet.`;
}

const count = (trials: number) => (trials === 1 ? '1 child' : `${whole(trials)} children`);

const tauWords = ({ tau, low, high }: RankCorrelation) =>
  `${tau.toFixed(2)} (95% interval ${low.toFixed(2)} to ${high.toFixed(2)})`;

function meaningOf({ low, high }: RankCorrelation): string {
  if (low > 0) return 'the lower rung partly predicts their order at the higher one';
  if (high < 0) return 'the lower rung ranks them in the opposite order';
  return 'it is not clear whether the lower rung predicts their order at the higher one';
}

/** Returns the rungs as a table; the first row is the header. */
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
        : `new${rung === 0 ? '' : ` (${reasonForRestart(rungs[place - 1]!.training, training)})`}`,
    ]),
  ];
}

/** Returns "24, 1 failed, 3 to come". */
export function trainedWords({ done, failed, open }: Pick<RungFinding, 'done' | 'failed' | 'open'>): string {
  return [
    whole(done),
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(open > 0 ? [`${whole(open)} to come`] : []),
  ].join(', ');
}

/** Returns the proxy meter as a table; the first row is the header. */
export function meterTable({ meters }: LadderFindings): string[][] {
  const hasRandom = meters.some(({ atRandom }) => atRandom);
  const tau = (correlation?: RankCorrelation) => (correlation ? tauWords(correlation) : 'too few');
  return [
    ['rungs', 'trials at both', "Kendall's τ", ...(hasRandom ? ['promoted at random', 'their τ'] : [])],
    ...meters.map(({ lower, upper, trials, correlation, atRandom }) => [
      `${lower} and ${upper}`,
      whole(trials),
      tau(correlation),
      ...(atRandom ? [whole(atRandom.trials), tau(atRandom.correlation)] : []),
    ]),
  ];
}
