// Compares the best models of each strategy after they are trained again at a higher fidelity, where chance matters
// less than in a single small training. Values, sentences and CSV; search-progress-chart.ts draws.

import { RandomStream } from '../../random/stream.ts';
import { armLabels, armNames } from '../../search/arms-strategy.ts';
import { finalistRace } from '../../selection/finalist-race.ts';
import { meanOf, runsDone } from '../../selection/racing.ts';
import { interval } from '../../statistics/bootstrap.ts';
import { mean } from '../../statistics/order.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { csvLine } from '../csv.ts';

/** One of an arm's best models after it was trained again. */
export interface Retrained {
  strategy: string;
  /** The arm: a strategy with its own seed. */
  arm: string;
  trial: number;
  /** Accuracy of its child, and mean accuracy of the later trainings, 0 to 1. */
  proxy: number;
  accuracy: number;
  runs: number;
}

/** The models of a strategy below which a bootstrap sees next to none of their variance. */
const fewestModels = 3;

export interface RetrainedComparison {
  better: string;
  worse: string;
  /** Difference of the means over models, 0 or more. */
  ahead: number;
  /** Half the width of its 95% interval. */
  uncertainty: number;
}

/**
 * Returns the finalists of each arm with their means over the runs that all have, without known cells, which belong to
 * no arm. Empty if the race has not ended or there are no arms.
 */
export function retrainedOf(study: Study<SearchSettings>): Retrained[] {
  const race = finalistRace(study);
  if (!race?.end || !race.arms) return [];
  const { strategy: strategyName, known } = study.settings;
  const names = armNames(strategyName);
  const labels = armLabels(names);
  const runs = Math.min(...race.racers.filter(({ failed }) => !failed).map(runsDone));
  return race.arms.flatMap((trials, arm) =>
    trials.flatMap((trial): Retrained[] => {
      const racer = race.racers[race.trials.indexOf(trial)]!;
      if (racer.failed || trial < known.length) return [];
      const [strategy, label, proxy] = [names[arm]!, labels[arm]!, study.trial(trial)!.reward!];
      return [{ strategy, arm: label, trial, proxy, accuracy: meanOf(racer, runs), runs }];
    }),
  );
}

/**
 * Compares every pair of strategies with enough models by the mean of their models, with equal weight for each arm. The
 * interval comes from a bootstrap over the models of each arm and, if a strategy has several arms, over arms.
 */
export function compareRetrained(
  models: readonly Retrained[],
  { resamples = 2000, seed = 1 }: { resamples?: number; seed?: number | string } = {},
): RetrainedComparison[] {
  const random = new RandomStream(seed).split('retrained');
  const strategies = [...new Set(models.map(({ strategy }) => strategy))].filter(
    (strategy) => models.filter((model) => model.strategy === strategy).length >= fewestModels,
  );
  const estimates = strategies.map((strategy) => {
    const own = models.filter((model) => model.strategy === strategy);
    const arms = [...new Set(own.map(({ arm }) => arm))].map((arm) =>
      own.filter((model) => model.arm === arm).map(({ accuracy }) => accuracy),
    );
    const resample = <Item>(items: readonly Item[]) => items.map(() => items[random.integer(items.length)]!);
    const replicates = Array.from({ length: resamples }, () => mean(resample(arms).map((arm) => mean(resample(arm)))));
    return { strategy, mean: mean(arms.map(mean)), replicates };
  });
  return estimates.flatMap((first, index) =>
    estimates.slice(index + 1).map((second) => {
      const [better, worse] = first.mean >= second.mean ? [first, second] : [second, first];
      const differences = better.replicates.map((value, place) => value - worse.replicates[place]!);
      const [low, high] = interval(differences);
      return {
        better: better.strategy,
        worse: worse.strategy,
        ahead: better.mean - worse.mean,
        uncertainty: (high - low) / 2,
      };
    }),
  );
}

/**
 * Returns "Trained again at the higher fidelity, ppo's best models are ahead of random's by 1.20 ± 0.50 points in the
 * mean."
 */
export function retrainedSentence({ better, worse, ahead, uncertainty }: RetrainedComparison): string {
  const points = `${(100 * ahead).toFixed(2)} ± ${(100 * uncertainty).toFixed(2)} points`;
  return ahead > uncertainty
    ? `Trained again at the higher fidelity, ${better}'s best models are ahead of ${worse}'s by ${points} in the mean.`
    : `Trained again at the higher fidelity, no difference shows between the best models of ${better} and ${worse}: ${points}.`;
}

/** Returns CSV with one line per model. */
export function retrainedCsv(models: readonly Retrained[]): string {
  const rows = models.map(({ strategy, arm, trial, proxy, accuracy, runs }) =>
    csvLine([strategy, arm, trial, proxy, accuracy, runs]),
  );
  return `${['strategy,arm,trial,child_accuracy,retrained_accuracy,runs', ...rows].join('\n')}\n`;
}
