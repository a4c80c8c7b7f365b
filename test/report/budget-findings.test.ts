// The findings about a budget and about named cells, by hand.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { findingsOf, sentences } from '../../src/report/findings.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { FinalModel } from '../../src/study/results.ts';
import { parseRungs, type RungChange } from '../../src/study/rung-text.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };

function studyOf(
  name: string,
  rewards: number[],
  { patience, rungs }: { patience?: number; rungs?: RungChange[] } = {},
): Study<SearchSettings> {
  const preset = settingsOf('laptop', { ...given, ...(rungs && { rungs }) });
  const { final } = preset;
  const settings = { ...preset, final: { ...final, recipe: { ...final.recipe, ...(patience && { patience }) } } };
  const study = Study.create(join(folder, name), settings);
  for (const [trial, reward] of rewards.entries()) {
    study.log.ask(trial, settings.known[trial] ?? sampleDecisions(new RandomStream(`found ${trial}`)));
    study.log.start(trial);
    study.log.finish(trial, { reward, seconds: 1 });
    study.log.tell(trial);
  }
  return study;
}

const finalModelOf = (trial: number): FinalModel => ({
  ...{ trial, trainableParameters: 1, multiplyAdds: 1, validationAccuracy: 0.5 },
  ...{ testAccuracy: 0.5, testLoss: 1, testImages: 10, classAccuracies: [], weights: 'network.safetensors' },
  ...{ trainingSeconds: 1, trainingImagesPerSecond: 1, epochs: [] },
});

test('named cells are told, then what the best found one is ahead of the better of them', () => {
  using study = studyOf('ahead.db', [0.3, 0.25, 0.355]);
  const [finding] = findingsOf(study).named;
  assert.deepEqual(finding, {
    name: 'quick',
    trial: 0,
    reward: 0.3,
    found: { trial: 2, reward: 0.355 },
    won: false,
    decided: false,
  });
  assert.ok(
    sentences(findingsOf(study))
      .join(' ')
      .includes(
        'Quick is trial 0: 30.00% as a child. NASNet-A is trial 1: 25.00% as a child. The best found cell is trial 2: 35.50% as a child, 5.50 points above Quick. The found cell is ahead so far.',
      ),
  );
});

test('where none is ahead, the named cell is ahead so far, and is chosen when its network is built', () => {
  using study = studyOf('behind.db', [0.3, 0.4, 0.25]);
  assert.deepEqual(
    findingsOf(study).named.map(({ won }) => won),
    [false, true],
  );
  const said = () => sentences(findingsOf(study)).join(' ');
  assert.ok(said().includes('15.00 points below NASNet-A. NASNet-A is ahead so far.'));
  study.keep('final model', finalModelOf(1));
  assert.ok(said().includes('15.00 points below NASNet-A. NASNet-A was chosen.'));
  study.keep('final model', finalModelOf(0)); // of the search before it was extended
  assert.ok(said().includes('15.00 points below NASNet-A. NASNet-A is ahead so far.'));
});

test('in a race, the cell with the highest mean so far is ahead of the one with the best child', () => {
  using study = studyOf('racing.db', [0.5, 0.25, 0.4]);
  study.keep('finalists', { trials: [0, 2, 1] });
  for (const [trial, reward] of [0.6, 0.55, 0.65].entries()) {
    study.finalistRuns.want({ trial, run: 1 });
    study.finalistRuns.start({ trial, run: 1 });
    study.finalistRuns.finish({ trial, run: 1 }, { reward, seconds: 1 });
  }
  assert.match(
    sentences(findingsOf(study)).join(' '),
    /trial 2: 40\.00% as a child, 65\.00% as a finalist, 5\.00 points above Quick\. The found cell is ahead so far\./,
  );
});

test('with a ladder, cells are compared at the highest rung that both reached', () => {
  using study = studyOf('ladder.db', [0.3, 0.25, 0.28], { rungs: parseRungs('1,3,9') });
  const climb = (trial: number, rung: number, reward: number) => {
    study.rungs.promote({ ladder: 0, member: trial, rung, atRandom: false }, 3);
    study.rungs.at(rung).start(trial);
    study.rungs.at(rung).finish(trial, { reward, seconds: 1 });
  };
  climb(0, 1, 0.5);
  climb(2, 1, 0.45);
  const said = () => sentences(findingsOf(study)).join(' ');
  assert.match(
    said(),
    /Quick is trial 0: 50\.00% as a child at rung 1\. NASNet-A is trial 1: 25\.00% as a child at rung 0\./,
  );
  assert.match(said(), /trial 2: 45\.00% .* rung 1, 5\.00 points below Quick at rung 1\. Quick is ahead so far\./);
  climb(2, 2, 0.7);
  assert.match(
    said(),
    /trial 2: 70\.00% .* rung 2, 5\.00 points below Quick at rung 1\. The found cell is ahead so far\./,
  );
  study.keep('final model', finalModelOf(2));
  assert.match(said(), /below Quick at rung 1\. The found cell was chosen, since it reached a higher rung\./);
});

test('without a race the first known cell is chosen, since children reward what learns fast', () => {
  using study = studyOf('no-race.db', [0.25, 0.3, 0.355]);
  study.keep('budget decisions', { trials: 3, finalists: 0 });
  const { top } = findingsOf(study, 3);
  assert.deepEqual(
    top.map(({ trial }) => trial),
    [0, 2, 1],
  );
  assert.ok(
    sentences(findingsOf(study))
      .join(' ')
      .includes('10.50 points above Quick. Quick was chosen, since a child rewards what learns fast.'),
  );
});

test('what is spent, and on what, is said as far as it is decided', () => {
  using study = studyOf('spent.db', [0.4, 0.25]);
  const said = () => sentences(findingsOf(study)).find((line) => line.includes('budget'));
  assert.equal(said(), '0 s of its budget of 8 min are spent.');
  study.keep('clock', { seconds: 430 });
  study.keep('budget decisions', { trials: 2, finalists: 0, final: { size: 1, epochs: 4.5 } });
  assert.equal(
    said(),
    '7 min 10 s of its budget of 8 min are spent; it was divided into 2 children, no finalists, 4.5 epochs of the final network.',
  );
  const { finalTraining, target } = findingsOf(study);
  assert.deepEqual([finalTraining.resolution, finalTraining.recipe.epochs, target], [32, 4.5, 2]);
  study.keep('budget decisions', { trials: 2, finalists: 1 });
  assert.match(said()!, / divided into 2 children, 1 finalist\.$/);
});

test('the epochs of the final network are those that were trained, also where patience ended it', () => {
  const said = (patience: number | undefined, epochs: number[], planned: number) => {
    using study = studyOf(
      `epochs ${patience} ${epochs.length} ${planned}.db`,
      [0.4, 0.25],
      patience === undefined ? {} : { patience },
    );
    study.keep('budget decisions', { final: { size: 0, epochs: planned } });
    study.keep('final model', {
      ...{ trial: 0, trainableParameters: 1000, multiplyAdds: 2000, validationAccuracy: 0.6, testAccuracy: 0.6 },
      ...{ testLoss: 1, testImages: 80, classAccuracies: [], trainingSeconds: 61, trainingImagesPerSecond: 9 },
      ...{ weights: 'network.safetensors', epochs: epochs.map((epoch) => ({ epoch, loss: 1, details: {} })) },
    });
    const text = sentences(findingsOf(study)).join(' ');
    const [, divided] = / divided into (.*) of the final network\./.exec(text)!;
    const [, trained] = / and trained for (.*) in 1 min 1 s,/.exec(text)!;
    assert.equal(divided, trained);
    return trained;
  };
  assert.equal(said(2, [1, 2, 3, 4, 5], 20), '5 of 20 epochs');
  assert.equal(said(2, [1, 2, 3], 3), '3 epochs');
  assert.equal(said(2, [1, 2, 2.49], 2.5), '2.5 epochs'); // whole steps
  assert.equal(said(undefined, [1, 2], 2.4), '2.4 epochs');
  assert.equal(said(undefined, [1], 1), '1 epoch');
});
