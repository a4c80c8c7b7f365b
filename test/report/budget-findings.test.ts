// The findings about a budget and about named cells, by hand.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { findingsOf, sentences } from '../../src/report/findings.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };

function studyOf(name: string, rewards: number[], patience?: number): Study<SearchSettings> {
  const preset = settingsOf('laptop', given);
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

test('named cells are told, then what the best found one is ahead of the better of them', () => {
  using study = studyOf('ahead.db', [0.3, 0.25, 0.355]);
  const [finding] = findingsOf(study).named;
  assert.deepEqual(finding, {
    name: 'quick',
    trial: 0,
    reward: 0.3,
    found: { trial: 2, reward: 0.355 },
    won: false,
  });
  assert.ok(
    sentences(findingsOf(study))
      .join(' ')
      .includes(
        'Quick is trial 0: 30.00% as a child. NASNet-A is trial 1: 25.00% as a child. The best found cell is trial 2: 35.50% as a child, 5.50 points above Quick. The found cell was chosen.',
      ),
  );
});

test('where none is ahead, the named cell was chosen', () => {
  using study = studyOf('behind.db', [0.3, 0.4, 0.25]);
  assert.deepEqual(
    findingsOf(study).named.map(({ won }) => won),
    [false, true],
  );
  assert.ok(sentences(findingsOf(study)).join(' ').includes('15.00 points below NASNet-A. NASNet-A was chosen.'));
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
    using study = studyOf(`epochs ${patience} ${epochs.length} ${planned}.db`, [0.4, 0.25], patience);
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
