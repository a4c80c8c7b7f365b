// A study whose content is known, for the tests of the dashboard: sixty trials of two strategies with curves, a ladder,
// finalists and a final network. Its names are those that an attacker would choose.

import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';

export const hostile = '<img src=x onerror="globalThis.harmed = true">';
export const knownTrials = 60;

export const decisionsOf = (trial: number): number[] => sampleDecisions(new RandomStream(`known ${trial}`));

/** 20.0% to 79.9%: no two alike; trial 47 is the best. */
export const rewardOf = (trial: number): number => 0.2 + ((trial * 37 + 20) % 60) / 100 + (trial === 47 ? 0.15 : 0);
export const isFailed = (trial: number): boolean => trial % 20 === 11;

/** The trial that every test looks for: reward 0.2 + (1759 % 60) / 100 + 0.15 = 0.54. */
export const best = Array.from({ length: knownTrials }, (_, trial) => trial)
  .filter((trial) => !isFailed(trial))
  .reduce((a, b) => (rewardOf(b) > rewardOf(a) ? b : a));

export function knownSettings(given: Partial<SearchSettings> = {}): SearchSettings {
  const wanted = { dataset: `photos ${hostile}`, seed: 5, strategy: 'ppo,evolution', trials: knownTrials };
  const settings = settingsOf('micro', wanted);
  const rung = { ...settings.child, recipe: { ...settings.child.recipe, epochs: 3 } };
  return {
    ...settings,
    ladder: { stated: '1,3', rungs: [rung], reduction: 3, randomShare: 0 },
    finalists: { count: 2, training: settings.final, seeds: { least: 2, most: 4 } },
    ...given,
  };
}

/** Records one more trial with two epochs. */
export function addTrial(study: Study<SearchSettings>, trial: number): void {
  study.transaction(() => {
    study.log.ask(trial, decisionsOf(trial), trial % 2 === 1 && trial > 2 ? { parent: trial - 2 } : undefined);
    study.log.start(trial, { worker: String(1 + (trial % 2)), predicted: 2 });
    study.log.epoch(trial, { epoch: 1, loss: 2, accuracy: rewardOf(trial) / 2, imagesPerSecond: 100 });
    study.log.epoch(trial, { epoch: 2, loss: 1, accuracy: rewardOf(trial), imagesPerSecond: 100 });
    if (isFailed(trial)) study.log.fail(trial, { kind: 'crash', message: `last line\n${hostile}` }, 3);
    else {
      const details = { trainableParameters: 1000 * (trial + 1), multiplyAdds: 1e6 * (trial + 1), peakMemory: 2e8 };
      study.log.finish(trial, { reward: rewardOf(trial), seconds: 1 + trial / 100, details });
    }
    study.log.tell(trial);
  });
}

export function knownStudy(path: string, trials = knownTrials): Study<SearchSettings> {
  const study = Study.create(path, knownSettings());
  study.keep('dataset', { name: 'photos', source: 'here', classes: [hostile, 'dog'] });
  for (let trial = 0; trial < trials; trial++) addTrial(study, trial);
  if (trials < knownTrials) return study;
  study.transaction(() => {
    for (const update of [1, 2, 3]) {
      const probabilities = [...Array(50).keys()].map((index) => probabilitiesAt(index, update));
      study.log.update(20 * update - 1, { update, arm: 0, baseline: 0.3, entropy: 50 / update });
      study.log.policy(Math.min(knownTrials - 1, 20 * update), { update, arm: 0, probabilities });
    }
    climb(study);
    race(study);
  });
  study.keep('final model', finalModel);
  return study;
}

const sizes = [2, 2, 13, 13, 2, 3, 3, 13, 13, 2, 4, 4, 13, 13, 2, 5, 5, 13, 13, 2, 6, 6, 13, 13, 2];

/** The first option becomes more probable with every update. */
function probabilitiesAt(index: number, update: number): number[] {
  const size = sizes[index % 25]!;
  const first = 1 - 1 / (update + 1) / 2;
  return Array.from({ length: size }, (_, option) => (option === 0 ? first : (1 - first) / (size - 1)));
}

function climb(study: Study<SearchSettings>): void {
  for (const trial of [best, 1, 2, 3, 4, 5]) {
    study.rungs.promote({ ladder: 0, member: trial, rung: 1, atRandom: trial === 5 }, knownTrials);
    study.rungs.at(1).start(trial, { worker: '1', predicted: 6 });
    study.rungs.at(1).finish(trial, { reward: rewardOf(trial) + 0.05, seconds: 6 });
    study.rungs.at(1).tell(trial);
  }
}

function race(study: Study<SearchSettings>): void {
  study.keep('finalists', { trials: [best, 2] });
  for (const trial of [best, 2])
    for (const run of [1, 2]) {
      study.finalistRuns.want({ trial, run });
      study.finalistRuns.start({ trial, run }, { worker: '2' });
      study.finalistRuns.finish(
        { trial, run },
        { reward: trial === best ? 0.9 + run / 100 : 0.5 + run / 100, seconds: 9 },
      );
    }
}

const finalModel = {
  trial: best,
  trainableParameters: 1_234_567,
  multiplyAdds: 7_654_321,
  validationAccuracy: 0.87,
  testAccuracy: 0.8642,
  testLoss: 0.5,
  testImages: 1000,
  classAccuracies: [0.9, 0.8284],
  classImages: [500, 500],
  confusions: [
    { label: 1, answer: 0, images: 86 },
    { label: 0, answer: 1, images: 50 },
  ],
  trainingSeconds: 600,
  trainingImagesPerSecond: 500,
  weights: 'network.safetensors',
  epochs: [1, 2, 3].map((epoch) => ({ epoch, loss: 2 / epoch, accuracy: 0.29 * epoch })),
};
