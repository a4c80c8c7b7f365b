// Limits and estimates through the command line, on a generated folder of images: refused, met, printed, and resumed
// with.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { limitCheck } from '../../../src/forecast/limits.ts';
import { Candidate } from '../../../src/study/candidate.ts';
import { openSearch } from '../../../src/study/parse-settings.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { type Ended, nasnets } from '../run.ts';

const folder = temporaryFolder({ after });
const images = join(folder, 'images');
const environment = { NASNET_CACHE: join(folder, 'cache') };
const study = join(folder, 'limited', 'study.db');
const smoke = ['--preset', 'smoke', '--dataset', images, '--trials', '3', '--workers', '2', '--finalists', '0'];
const nasnet = (...lines: string[][]) => nasnets(lines, environment);

before(async () => {
  for (const name of ['dark', 'light']) {
    mkdirSync(join(images, name), { recursive: true });
    for (let index = 0; index < 40; index++) {
      const background = { r: name === 'dark' ? index : 255 - index, g: index % 7, b: 90 };
      const picture = sharp({ create: { width: 32, height: 32, channels: 3, background } });
      await picture.png().toFile(join(images, name, `${index}.png`));
    }
  }
});

function refused({ code, stdout, stderr }: Ended, sentence: RegExp): void {
  assert.deepEqual([code, stdout], [2, ''], stderr);
  assert.match(stderr.trim().split('\n').at(-1)!, sentence);
}

test('limits that no cell meets, and invalid sizes and times, are refused before a study is created', () => {
  const begin = (...limit: string[]) => ['search', ...smoke, '--study', study, ...limit];
  const [memory, latency, size, time] = nasnet(
    begin('--max-memory', '20M'),
    begin('--max-latency', '0.00001'),
    begin('--max-memory', 'much'),
    begin('--max-latency', '-3'),
  );
  refused(
    memory!,
    /^nasnet: --max-memory: expected a limit that some cells meet, .* \d+ MB in a worker of at most 20 MB$/,
  );
  refused(latency!, /^nasnet: --max-latency: expected .* [\d.]+ ms for one image of at most 0\.00001 ms$/);
  refused(size!, /^nasnet: --max-memory: expected a size such as 800M or 2G, got "much"$/);
  refused(time!, /^nasnet: --max-latency: expected a number above 0, got "-3"$/);
  assert.ok(!existsSync(study));
});

test('a search meets its limits, predicts its real children, and is not resumed with other limits', () => {
  const limits = ['--max-memory', '30G', '--max-latency', '1000', '--epochs', '2'];
  const [searched, shown, otherMemory, otherLatency, otherEpochs, same] = nasnet(
    ['search', ...smoke, '--study', study, ...limits],
    ['show', study, '--json'],
    ['search', '--study', study, '--max-memory', '31G'],
    ['search', '--study', study, '--max-latency', '999'],
    ['search', '--study', study, '--epochs', '3'],
    ['search', '--study', study, '--workers', '2', ...limits, '--dry-run', '--json'],
  );
  assert.equal(searched!.code, 0, searched!.stderr);
  // of 80, 14 test and 7 are held out
  assert.match(searched!.stderr, /^child +N = 0, F = 4, 8 × 8 pixels, 2 epochs of 59 images, batch 50,/m);
  assert.match(searched!.stderr, /^3 children of about .* on 2 workers: about .*; memory up to .* a worker$/m);
  assert.match(
    searched!.stdout,
    /^Cells were limited to at most 30\.0 GB of memory in the worker .*; at most 1000 ms for one/m,
  );
  assert.match(searched!.stdout, /^It takes [\d.]+ ms for one image on one thread of .*, within the limit of 1000 ms/m);

  const { settings, prediction, latency } = JSON.parse(shown!.stdout);
  assert.equal(settings.child.recipe.epochs, 2);
  assert.deepEqual([settings.limits.memory.bytes, settings.limits.latency.milliseconds], [30e9, 1000]);
  assert.ok(settings.limits.latency.measured >= 3 && latency.milliseconds > 0 && latency.foretold > 0);
  assert.ok(prediction.children >= 2 && prediction.children <= 3); // a graph is trained once
  assert.ok(
    prediction.error.memory.median < 1,
    `the memory of real workers is predicted to ${prediction.error.memory.median}`,
  );

  refused(otherMemory!, /^nasnet: --max-memory: expected 30000000000, with which .* was started, got 31000000000;/);
  refused(otherLatency!, /^nasnet: --max-latency: expected 1000, with which .* was started, got 999;/);
  refused(otherEpochs!, /^nasnet: --epochs: expected 2, with which .* was started, got 3;/);
  const stated = JSON.parse(same!.stdout);
  assert.deepEqual([stated.estimate, stated.children], [undefined, prediction.children], 'the search is finished');
});

test("a study's limits decide the same wherever it is opened: they follow from what it states", () => {
  using kept = openSearch(study, { readOnly: true });
  const { settings } = kept;
  const tight = (milliseconds: number) =>
    limitCheck(
      { ...settings.limits!, latency: { ...settings.limits!.latency!, milliseconds } },
      JSON.parse(JSON.stringify(settings)),
      { images: 80, classes: 2 },
    );
  for (const { decisions, details, sameAs } of kept.trials()) {
    assert.equal(tight(1000)(new Candidate(decisions)), undefined);
    assert.match(tight(1e-9)(new Candidate(decisions))!.message, /^[\d.]+ ms for one image of at most 1e-9 ms$/);
    if (sameAs !== null) continue;
    const { latency } = details as { latency: number }; // stored with each trained trial
    assert.equal(tight(latency)(new Candidate(decisions)), undefined);
    assert.notEqual(tight(latency * (1 - 1e-12))(new Candidate(decisions)), undefined);
  }
});

test('a dry run prints settings and forecast, and leaves no files', () => {
  const path = join(folder, 'dry', 'study.db');
  const [json] = nasnet(['search', ...smoke, '--study', path, '--dry-run', '--json']);
  assert.equal(json!.code, 0, json!.stderr);
  const { settings, estimate, measured } = JSON.parse(json!.stdout);
  assert.deepEqual([settings.preset, estimate.children.count, estimate.workers, measured], ['smoke', 3, 2, true]);
  assert.ok(estimate.children.each.low <= estimate.children.each.mean && estimate.memory > 5e7);
  assert.ok(!existsSync(join(folder, 'dry')));
});
