// The precision of a search: a study keeps the one in which it last trained.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { searchComputing } from '../../../src/cli/search/search-computing.ts';
import { type Precision, trainingOn } from '../../../src/engine/device.ts';
import { thisMachine } from '../../../src/forecast/this-machine.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';

const folder = temporaryFolder({ after });
const flags = (precision?: 'float32' | 'bf16') =>
  ({ device: 'cpu', ...(precision && { precision }) }) as Parameters<typeof searchComputing>[0];

function studyOf(precision: Precision): Study<ReturnType<typeof settingsOf>> {
  const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random' });
  const study = Study.create(`${folder}/${precision}.db`, settings);
  study.keep('machine', thisMachine({ device: 'cpu', precision }));
  return study;
}

test('a resumed search goes on in the precision in which it last trained, unless the flags have another one', () => {
  for (const precision of ['float32', 'bfloat16'] as const) {
    using study = studyOf(precision);
    assert.deepEqual(searchComputing(flags(), study), { device: 'cpu', precision });
    assert.equal(searchComputing(flags('float32'), study).precision, 'float32');
    assert.equal(searchComputing(flags('bf16'), study).precision, 'bfloat16');
  }
});

test('a new search has what this machine is faster in', () => {
  assert.deepEqual(searchComputing(flags()), trainingOn('cpu'));
});

test('a search with a queue is in float32 on the CPU, since its workers may be of any kind', () => {
  const queued = { ...flags(), queue: { host: 'head' } } as unknown as Parameters<typeof searchComputing>[0];
  assert.equal(searchComputing(queued).precision, 'float32');
});
