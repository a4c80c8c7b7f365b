// Results of a study, also of older versions, are read unchanged, and refused in one sentence if they are damaged.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { thisMachine } from '../../src/forecast/this-machine.ts';
import { epochDetails, type StudyResults, trainingDetails } from '../../src/study/result-schemas.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { rewrite } from './rewrite.ts';

const folder = temporaryFolder({ after });
const laws = { seconds: [1, 2, 3, 4, 5], memory: [1, 2, 3] };
const results: StudyResults = {
  dataset: { name: 'photos', source: 'here', classes: ['cat', 'dog'] },
  machine: thisMachine({ device: 'cuda:0', precision: 'bfloat16' }),
  prediction: {
    ...{ machine: 'mine', workers: 2, since: 1, measured: true, start: laws, laws, children: 3 },
    error: { seconds: { median: 0.1, of: 3 } },
  },
  clock: { seconds: 3.5 },
  'budget decisions': { trials: 9, finalists: 2, final: { size: 1, epochs: 4.5 } },
  'final model': {
    ...{ trial: 3, trainableParameters: 10, multiplyAdds: 20, validationAccuracy: 0.5 },
    ...{ testAccuracy: 0.5, testLoss: 1.5, testImages: 9, largestClass: 0.75, classAccuracies: [0.5, null] },
    ...{ trainingSeconds: 2, trainingImagesPerSecond: 3, weights: 'network.safetensors' },
    epochs: [{ epoch: 0.5, loss: 1, details: { trainingAccuracy: 0.25 } }],
  },
  'final latency': { trial: 3, milliseconds: 2, foretold: 1.5, machine: 'mine' },
  finalists: { trials: [3, 1], arms: [[3], [1]] },
  target: 160,
  evaluator: { command: 'python3 train.py', timeLimit: 60 },
};

test('every result is read unchanged', () => {
  using study = Study.create(join(folder, 'all.db'), {});
  for (const name of Object.keys(results) as (keyof StudyResults)[]) {
    assert.equal(study.result(name), undefined);
    study.keep(name, results[name]);
    assert.deepEqual(study.result(name), results[name]);
  }
});

test('a damaged result is refused with file, field, expectation and value', () => {
  const path = join(folder, 'damaged.db');
  Study.create(path, {}).close();
  const write = (name: string, text: string) =>
    rewrite(
      path,
      'INSERT INTO results (name, at, value) VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
      name,
      text,
    );
  const read = () => {
    using study = Study.open(path, { readOnly: true });
    return study.result('final model');
  };
  write('final model', JSON.stringify({ ...results['final model'], testAccuracy: 'high' }));
  assert.throws(read, /damaged\.db: final model\.testAccuracy: expected number, got "high"$/);
  write('final model', '{"trial":');
  assert.throws(read, /damaged\.db: final model: expected JSON, got "{\\"trial\\":" \(/);
});

test('damaged decisions are refused with the number of their trial', () => {
  const path = join(folder, 'decisions.db');
  const study = Study.create(path, {});
  study.log.ask(0, [1, 2]);
  study.close();
  rewrite(path, `UPDATE trials SET decisions = '[1,"2"]'`);
  using damaged = Study.open(path, { readOnly: true });
  assert.throws(() => damaged.trial(0), /decisions\.db: decisions of trial 0: expected whole numbers, got \[1,"2"\]$/);
});

test('only fields of our trainings are read from the details of any evaluator', () => {
  const said = { peakMemory: 5, continued: false, notes: ['lost'], loss: 1, more: 2 };
  assert.deepEqual(trainingDetails(said), { peakMemory: 5, continued: false, notes: ['lost'] });
  assert.equal(trainingDetails({ peakMemory: 'much', continued: true }).peakMemory, undefined);
  assert.equal(trainingDetails({ peakMemory: 'much', continued: true }).continued, true);
  for (const nothing of [null, undefined, 3, 'x', []]) assert.deepEqual(trainingDetails(nothing), {});
  assert.deepEqual(epochDetails({ trainingAccuracy: 0.5, learningRate: 1, more: 2 }), {
    learningRate: 1,
    trainingAccuracy: 0.5,
  });
  assert.deepEqual(epochDetails(null), {});
});
