// `nasnet transfer` on a folder of generated pictures: sizes within the limits, short trainings, the best one trained
// on, and nothing trained twice.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { RandomStream } from '../../../src/random/stream.ts';
import { sampleDecisions } from '../../../src/space/sample.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { nasnets } from '../run.ts';

const folder = temporaryFolder({ after });
const images = join(folder, 'images');
const study = join(folder, 'study.db');
const output = join(folder, 'out');
const environment = { NASNET_CACHE: join(folder, 'cache') };
const nasnet = (...words: string[]) => nasnets([words], environment)[0]!;
const rewards = [0.3, 0.6, 0.5, 0.1];

before(async () => {
  for (const name of ['dark', 'light']) {
    mkdirSync(join(images, name), { recursive: true });
    for (let index = 0; index < 40; index++) {
      const background = { r: name === 'dark' ? index : 255 - index, g: index % 7, b: 90 };
      const picture = sharp({ create: { width: 16, height: 16, channels: 3, background } });
      await picture.png().toFile(join(images, name, `${index}.png`));
    }
  }
  using made = Study.create(study, settingsOf('smoke', { dataset: images, seed: 1 }));
  const random = new RandomStream('cells');
  rewards.forEach((reward, trial) => {
    made.log.ask(trial, sampleDecisions(random.split(`${trial}`), 2));
    made.log.start(trial);
    made.log.finish(trial, { reward, seconds: 1 });
    made.log.tell(trial);
  });
});

const transfer = ['transfer', study, '--to', 'cifar', '--dataset', images, '--max-parameters', '40000', '--cells', '0'];
const trained = ['--size', '16', '--top', '2', '--recipe', 'small', '--epochs', '3', '--short-epochs', '1'];
const command = [...transfer, ...trained, '--batch-size', '16', '--threads', '1', '-o', output];

test('the best cells are sized, trained, and the best of them is trained on; a second run trains nothing', () => {
  const first = nasnet(...command, '--json');
  assert.equal(first.code, 0, first.stderr);
  const { networks, chosen, final, files } = JSON.parse(first.stdout);
  assert.deepEqual(
    networks.map(({ name }: { name: string }) => name),
    ['trial-1', 'trial-2'], // by reward
  );
  for (const { parameters, filters } of networks) assert.ok(parameters <= 40_000 && filters % 4 === 0);
  const accuracies = networks.map(({ short }: { short: { validationAccuracy: number } }) => short.validationAccuracy);
  assert.equal(chosen, networks[accuracies.indexOf(Math.max(...accuracies))].name);
  assert.deepEqual([networks[0].short.epochs, final.epochs, final.testImages], [1, 3, 14]);
  for (const file of [...files, final.weights]) assert.ok(existsSync(file), file);
  const page = readFileSync(join(output, 'transfer.html'), 'utf8');
  assert.ok(page.includes(`${chosen}, trained on`));
  assert.match(first.stderr, new RegExp(`train --from \\S*${chosen}\\.short\\.safetensors`));

  const { mtimeMs } = statSync(final.weights);
  const second = nasnet(...command, '--json');
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.stderr.match(/trained before/g)?.length, 3);
  assert.deepEqual(JSON.parse(second.stdout), JSON.parse(first.stdout));
  assert.equal(statSync(final.weights).mtimeMs, mtimeMs);
});

test('weights that are gone are trained again, to the same bits; the printed command makes them as well', () => {
  const weights = join(output, 'trial-1.short.safetensors');
  const bytes = readFileSync(weights);
  rmSync(weights);
  const again = nasnet(...command);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(again.stderr.match(/trained before/g)?.length, 2);
  assert.ok(readFileSync(weights).equals(bytes));
  const line = /trial-1\.short: (.* --output \S+trial-1\.short\.safetensors)/.exec(again.stderr)![1]!;
  rmSync(weights);
  execFileSync('sh', ['-c', line], { env: { ...process.env, ...environment }, stdio: 'ignore' });
  assert.ok(readFileSync(weights).equals(bytes));
});

test('a dry run writes nothing; impossible limits and missing images are refused', () => {
  const nowhere = join(folder, 'nowhere');
  const dry = nasnet(...command.slice(0, -1), nowhere, '--dry-run', '--compare', 'nasnet-a');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^nasnet-a +0 +8 +0 @ 128/m);
  assert.equal(dry.stdout.match(/ train /g)?.length, 4);
  assert.ok(!existsSync(nowhere));
  const few = nasnet(...transfer, '--recipe', 'imagenet-mobile', '--epochs', '1000', '-o', nowhere, '--dry-run');
  // of 80 images 13 are tested and 7 validated: 3 steps of 16 images an epoch, of which 167 make 500
  assert.equal(few.stdout.match(/ --epochs 167 /g)?.length, 3, few.stderr);
  assert.equal(few.stdout.match(/ --epochs 1000 /g)?.length, 1);
  const impossible = nasnet('transfer', study, '--to', 'cifar', '--budget', '10');
  assert.deepEqual([impossible.code, impossible.stdout], [2, '']);
  assert.match(
    impossible.stderr,
    /trial-1: expected limits that its smallest network meets \(N = 6, F = 4, with [\d,]+ parameters and [\d,]+ multiply-adds\), got 10 multiply-adds/,
  );
  const without = nasnet('transfer', study, '--to', 'imagenet-mobile');
  assert.match(without.stderr, /--dataset: expected images to train on/);
});
