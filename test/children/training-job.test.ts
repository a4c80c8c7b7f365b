// Children are trained at several rungs, from the file of the paused child or by repeating the earlier trainings, with
// bitwise equal results.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { type ArtifactKey, FolderArtifacts } from '../../src/artifacts.ts';
import { childJob } from '../../src/children/child-job.ts';
import { pausedChild, studyFolders } from '../../src/children/study-artifacts.ts';
import { type TrainingJob, trainer } from '../../src/children/training-job.ts';
import { referenceTo } from '../../src/data/dataset-files.ts';
import { prepareImageFolder } from '../../src/data/image-folder.ts';
import { zerosLike } from '../../src/engine/create.ts';
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../../src/nn/safetensors.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import type { EpochReport, TrainingDetails, WorkerResult } from '../../src/study/outcome.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { parseRungs } from '../../src/study/rung-text.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { makeFolder } from '../../src/whole-file.ts';
import type { EvaluateJob } from '../../src/workers/messages.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });

/**
 * Rung 1 continues from rung 0 on more and twice as large images; rung 2 is a wider network; rung 3 continues from rung
 * 2.
 */
const rungs = parseRungs('images=36,2:images=48:resolution=16,1:filters=6,2');
const settings: SearchSettings = { ...settingsOf('smoke', { dataset: 'x', seed: 5, strategy: 'random', rungs }) };
settings.child.recipe.batchSize = 12;
for (const { recipe } of settings.ladder!.rungs) recipe.batchSize = 12;
const decisions = sampleDecisions(new RandomStream(3));
const folders = { ...studyFolders(join(folder, 'study.db')), full: '/dev', file: join(folder, 'a file') };
const artifacts = new FolderArtifacts(folders);
const pausedPath = (rung: number) => artifacts.path(pausedChild(7, rung));
function jobAt(rung: number): TrainingJob {
  const { checkpoint: _, ...job } = childJob(settings, { number: 7, candidate: new Candidate(decisions), rung });
  return job;
}

let train: EvaluateJob;

before(async () => {
  const random = new RandomStream('images');
  for (const [label, level] of [40, 120, 200].entries()) {
    makeFolder(join(folder, 'images', `class ${label}`));
    for (let index = 0; index < 24; index++) {
      const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => level + random.integer(50));
      const picture = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
      await picture.png().toFile(join(folder, 'images', `class ${label}`, `${index}.png`));
    }
  }
  const files = await prepareImageFolder(join(folder, 'images'), { size: 16, cache: join(folder, 'cache') });
  const { child, seed } = settings;
  const setup = { dataset: referenceTo(files), training: child, validationImages: 12, splitSeed: seed };
  train = await trainer(setup, { datasets: [files], artifacts: folders, threads: 1 });
});

function trained(rung: number, to?: ArtifactKey) {
  const job = jobAt(rung);
  return run(to === undefined ? job : { ...job, paused: { ...job.paused, to } });
}

/** Returns the bytes of a paused child. */
const bitsOf = (rung: number) => readFileSync(pausedPath(rung)).toString('base64');

test('a job lists the earlier trainings with the same shapes, and the files of the paused child before and after it', () => {
  const seeds = [0, 1, 2, 3].map((rung) => {
    const { seed, earlier = [], paused = {} } = jobAt(rung);
    return { seed, earlier: earlier.map((step) => step.seed), ...paused };
  });
  const at = (rung: number) => `paused/trial-7-rung-${rung}.safetensors`;
  assert.deepEqual(seeds, [
    { seed: '5, trial 7', earlier: [], to: at(0) },
    { seed: '5, trial 7, rung 1', earlier: ['5, trial 7'], from: at(0) },
    { seed: '5, trial 7, rung 2', earlier: [], to: at(2) },
    { seed: '5, trial 7, rung 3', earlier: ['5, trial 7, rung 2'], from: at(2) },
  ]);
});

test('a child continues from its file; without a valid file it repeats the earlier trainings, with the same bits', async () => {
  const first = await trained(0);
  assert.deepEqual([first.details.continued, first.details.notes], [undefined, undefined]);
  const saved = bitsOf(0);
  const ends = pausedChild(7, 1);
  const went = await trained(1, ends);
  assert.deepEqual([went.details.continued, went.details.notes], [true, undefined]);
  assert.deepEqual(
    went.epochs.map(({ epoch }) => epoch),
    [1, 2],
    'the epochs of its rung only',
  );
  const bits = bitsOf(1);

  const damages: [RegExp, () => void][] = [
    [/got no such file/, () => rmSync(pausedPath(0))],
    [/the file is truncated|bytes/, () => truncateSync(pausedPath(0), 2000)],
    [/expected a safetensors file/, () => writeFileSync(pausedPath(0), 'half a file')],
    [/got another one's/, () => writeFileSync(pausedPath(0), readFileSync(artifacts.path(ends)))],
  ];
  for (const [reason, damage] of damages) {
    writeFileSync(pausedPath(0), Buffer.from(saved, 'base64'));
    damage();
    rmSync(artifacts.path(ends));
    const again = await trained(1, ends);
    assert.equal(again.details.continued, false);
    assert.equal(again.details.notes!.length, 1);
    assert.match(
      again.details.notes![0]!,
      /^its saved weights cannot be used, so its earlier trainings were repeated: /,
    );
    assert.match(again.details.notes![0]!, reason);
    assert.equal(again.reward, went.reward);
    assert.equal(bitsOf(1), bits);
  }
});

test('the momentum continues too: without it the result differs', async () => {
  await trained(0);
  const ends = pausedChild(7, 1);
  await trained(1, ends);
  const bits = bitsOf(1);
  const { tensors, metadata } = readSafetensors(pausedPath(0));
  const momentum = Object.keys(tensors).filter((name) => name.startsWith('optimizer.'));
  assert.ok(momentum.length > 10);
  for (const name of momentum) tensors[name] = zerosLike(tensors[name]!);
  writeSafetensors(pausedPath(0), tensors, metadata);
  assert.equal((await trained(1, ends)).details.continued, true);
  assert.notEqual(bitsOf(1), bits);
});

test('each rung has a complete schedule: its learning rate starts at the peak and ends near zero', async () => {
  await trained(2);
  const { epochs } = await trained(3);
  const rates = epochs.map(({ details }) => (details as { learningRate: number }).learningRate);
  const peak = settings.child.recipe.learningRate;
  // Two epochs of four batches end at steps 3 and 7.
  const cosine = (step: number) => 0.5 * peak * (1 + Math.cos((Math.PI * step) / 8));
  assert.deepEqual(
    rates.map((rate) => rate.toFixed(9)),
    [cosine(3), cosine(7)].map((rate) => rate.toFixed(9)),
  );
});

test('a full disk costs the weights but not the training', { skip: !existsSync('/dev/full') }, async () => {
  const saved = await trained(0);
  const full = await trained(0, 'full/full');
  assert.equal(full.reward, saved.reward);
  assert.match(
    full.details.notes!.join(),
    /^its weights are not saved, so if it is promoted its earlier trainings will be repeated: \/dev\/full: .*ENOSPC/,
  );
});

test('an interrupted training resumes from its checkpoint: the same reward, every epoch reported once, no file left', async () => {
  const { training, ...job } = jobAt(0);
  const long = { ...job, paused: {}, training: { ...training, recipe: { ...training.recipe, epochs: 3 } } };
  const key = 'unfinished/trial-7.safetensors';
  const path = artifacts.path(key);
  const whole = await run(long);
  assert.equal(whole.details.resumed, undefined);

  const stop = new AbortController();
  const job1: TrainingJob = { ...long, checkpoint: { key, seconds: 0 } };
  const stopped = train(job1, () => stop.abort(new Error('enough')), stop.signal);
  await assert.rejects(stopped, /enough/);
  assert.ok(existsSync(path));
  const resumed = await run(job1);
  assert.equal(resumed.details.resumed, true);
  assert.equal(resumed.reward, whole.reward);
  assert.equal(resumed.details.loss, whole.details.loss);
  assert.deepEqual(
    resumed.epochs.map(({ epoch }) => epoch),
    [1, 2, 3],
  );
  assert.equal(resumed.epochs[2]!.loss, whole.epochs[2]!.loss);
  assert.ok(!existsSync(path));
});

test('the time of a resumed training includes that before its checkpoint, if the checkpoint says it', async () => {
  const { training, ...job } = jobAt(0);
  const key = 'unfinished/trial-8.safetensors';
  const path = artifacts.path(key);
  const stop = new AbortController();
  const job1: TrainingJob = { ...job, training, paused: {}, checkpoint: { key, seconds: 0 } };
  await assert.rejects(train(job1, () => stop.abort(new Error('enough')), stop.signal) as Promise<unknown>, /enough/);
  const { tensors, metadata } = readSafetensors(path);
  const { trainedSeconds, ...older } = metadata;
  assert.ok(Number(trainedSeconds) > 0);
  writeSafetensors(path, tensors, { ...older, trainedSeconds: '88200' });
  const whole = (await run(job1)).details;
  writeSafetensors(path, tensors, older);
  const withoutIt = (await run(job1)).details;
  assert.deepEqual([whole.resumed, withoutIt.resumed], [true, true]);
  assert.equal(Math.floor((whole.trainingSeconds - withoutIt.trainingSeconds) / 3600), 24);
});

test('a training that is stopped before its test is only tested when it resumes, and writes the same network', async () => {
  const { training, ...job } = jobAt(0);
  const key = 'final/network.safetensors.checkpoint';
  const named = (name: string): TrainingJob => {
    const weights: ArtifactKey = `final/${name}.safetensors`;
    return { ...job, training, paused: {}, checkpoint: { key, seconds: 1e6 }, keepModel: { weights } };
  };
  const bytesOf = (name: string) => readFileSync(artifacts.path(`final/${name}.safetensors`));
  await run(named('through'));
  rmSync(artifacts.path(key)); // the caller's task
  const stop = new AbortController();
  const { epochs } = training.recipe;
  const stopAtLast = (message: unknown) => {
    if ((message as EpochReport).epoch === epochs) stop.abort(new Error('enough'));
  };
  await assert.rejects(train(named('stopped'), stopAtLast, stop.signal) as Promise<unknown>, /enough/);
  assert.equal(readSafetensorsMetadata(artifacts.path(key)).step, `${epochs * 3}`);
  const { details } = await run(named('stopped'));
  assert.equal(details.resumed, true);
  assert.ok(bytesOf('stopped').equals(bytesOf('through')));
});

test('a checkpoint that cannot be written is reported in one sentence', async () => {
  writeFileSync(join(folder, 'a file'), '');
  const key = 'file/trial-7.safetensors';
  const { details, reward } = await run({ ...jobAt(0), paused: {}, checkpoint: { key, seconds: 0 } });
  assert.equal(reward, (await run({ ...jobAt(0), paused: {} })).reward);
  assert.equal(details.notes!.length, 1);
  assert.match(details.notes![0]!, /^no checkpoint was saved: .*a file.* could not be created/);
});

async function run(job: TrainingJob) {
  const epochs: EpochReport[] = [];
  const tell = (message: unknown) => void epochs.push(message as EpochReport);
  const { reward, details } = (await train(job, tell, new AbortController().signal)) as WorkerResult;
  return { reward, epochs, details: details as TrainingDetails };
}
