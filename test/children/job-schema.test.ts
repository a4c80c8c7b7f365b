// Jobs from elsewhere: those of a search are taken, and nothing that is not plain data of their shape.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childJob } from '../../src/children/child-job.ts';
import { checkTrainingJob, readTrainingSetup } from '../../src/children/job-schema.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { presets, settingsOf } from '../../src/study/presets.ts';

const candidate = new Candidate(sampleDecisions(new RandomStream(3)));
const jobOf = (preset: keyof typeof presets) =>
  JSON.parse(
    JSON.stringify(
      childJob(settingsOf(preset, { dataset: 'cifar10', seed: 1, strategy: 'random' }), { number: 7, candidate }),
    ),
  );

test('the children of every preset are jobs that a worker takes', () => {
  for (const preset of Object.keys(presets) as (keyof typeof presets)[]) checkTrainingJob(jobOf(preset));
});

test('a job that names a path, has a field of its own or a broken cell is refused with the place', () => {
  const job = jobOf('smoke');
  for (const key of ['../../etc/passwd', '/etc/passwd', 'paused/../x.safetensors', 'paused/x'])
    assert.throws(() => checkTrainingJob({ ...job, checkpoint: { key } }), /^InputError: queue: job\.checkpoint\.key/);
  assert.throws(() => checkTrainingJob({ ...job, module: 'file:///evil.js' }), /job\.module: expected no such field/);
  assert.throws(() => checkTrainingJob({ ...job, architecture: { normal: 1 } }), /^InputError: queue/);
  assert.throws(() => checkTrainingJob(undefined), /^InputError: queue: job/);
});

test('a setup has a dataset by content', () => {
  const setup = { dataset: { name: 'cifar10', content: 'a'.repeat(64) }, training: { resolution: 8 }, splitSeed: 1 };
  assert.deepEqual(readTrainingSetup(setup), setup);
  assert.throws(
    () => readTrainingSetup({ ...setup, dataset: { name: 'x', path: '/data' } }),
    /^InputError: queue: setup\.dataset/,
  );
});
