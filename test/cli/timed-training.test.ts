// `nasnet train --minutes`: the size and the length of a training follow from its time, also after a kill.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { SilentBlock } from '../../src/cli/terminal/live-block.ts';
import { TimedTraining } from '../../src/cli/training/timed-training.ts';
import { onCpu } from '../../src/engine/device.ts';
import { readModelDescription } from '../../src/model/model-file.ts';
import { ResultFiles } from '../../src/result-files.ts';
import { namedCells } from '../../src/space/named-cells.ts';
import { recipes } from '../../src/train/recipe.ts';
import { paintDarkAndLight } from '../data/paint.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { nasnets, nodeArguments } from './run.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };
const photos = join(folder, 'photos');

before(() => paintDarkAndLight(photos, { count: 60, side: 32 }));

const train = (name: string, ...words: string[]) => {
  const shared = ['--dataset', photos, '--precision', 'float32', '--threads', '1'];
  return ['train', ...words, ...shared, '-o', join(folder, `${name}.safetensors`)];
};
const recordOf = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.training.json`), 'utf8'));
const planOf = (name: string) => join(folder, `${name}.plan.json`);

test('a cell alone gets a size of a search’s final networks, one with N is trained at its own for as long as there is time', () => {
  const ended = nasnets(
    [
      train('any', 'quick', '--size', '16', '--batch-size', '4', '--minutes', '2', '--dry-run'),
      train('own', 'nasnet-a:0', '--filters', '4', '--size', '16', '--batch-size', '8', '--hours', '0.006'),
    ],
    environment,
  );
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  const said = /Trains N = [1246], F = (16|24|32), 16 × 16 pixels for about [\d.]+ epochs: .* in 2 min\n/;
  assert.match(ended[0]!.stderr, said);
  assert.match(ended[1]!.stderr, /Trains N = 0, F = 4, 16 × 16 pixels for about [\d.]+ epochs: .* in 22 s\n/);
  const { cells, filters, input } = readModelDescription(join(folder, 'own.safetensors')).network;
  assert.deepEqual([cells, filters, input], [0, 4, [16, 16]]);
  const { recipe, epochs } = recordOf('own');
  const told = Math.abs(recipe.epochs - epochs.at(-1).epoch);
  assert.ok(told < 0.05, `the epochs that there was time for are told, ${told} off, less than half a step`);
  assert.equal(recipe.learningRate, 0.2, 'by the recipe fast');
  assert.equal(existsSync(planOf('own')), false);
});

test('a training that is killed goes on with its plan in the rest of its time', async () => {
  const words = train('killed', 'nasnet-a:0', '--filters', '8', '--size', '32', '--minutes', '0.4');
  const child = spawn(process.execPath, nodeArguments([...words, '--checkpoint-every', '1s']), {
    env: { ...process.env, ...environment },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  const checkpoint = join(folder, 'killed.safetensors.checkpoint');
  while (!existsSync(checkpoint) && child.exitCode === null) await setTimeout(50);
  child.kill('SIGKILL');
  await exited;
  const { size, epochs, spent } = JSON.parse(readFileSync(planOf('killed'), 'utf8'));
  assert.ok(size === 0 && spent > 1 && spent < 24, `${spent}`);
  const [ended] = nasnets([words], environment);
  assert.equal(ended!.code, 0, ended!.stderr);
  assert.match(ended!.stderr, /Goes on with its plan; \d+ s of 24 s are spent/);
  assert.match(ended!.stderr, new RegExp(`for about ${epochs} epochs`));
  assert.match(ended!.stderr, /Resuming from .*killed\.safetensors\.checkpoint/);
  assert.match(ended!.stderr, /\d+ s of its time of 24 s are spent\n/);
  assert.ok(recordOf('killed').epochs[0].epoch === 1, 'the epochs before the kill are in its record');
});

test('the rest of the time is what earlier sessions left; a plan that is damaged or of another training is made anew', async () => {
  const recipe = { ...recipes.small, batchSize: 8 };
  const sizes = [{ cells: 0, filters: 4, resolution: 16, recipe }];
  const counts = { images: 100, classes: 2, test: 20, validation: 10 };
  const options = {
    seconds: 600,
    flag: '--minutes' as const,
    architecture: namedCells.quick!,
    content: 'c',
    sizes,
    counts,
    computing: onCpu,
  };
  const file = planOf('choice');
  const said: string[] = [];
  const block = Object.assign(new SilentBlock(process.stderr), { log: (line: string) => said.push(line) });
  const choose = () => TimedTraining.choose({ ...options, threads: 1, seed: 1, file, block });
  const first = await choose();
  first.keep();
  const kept = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...kept, epochs: 7, spent: 400 }));
  const second = await choose();
  assert.deepEqual(said, [
    'Measuring for some seconds how fast this machine trains such networks …',
    'Goes on with its plan; 6 min 40 s of 10 min are spent',
  ]);
  assert.equal(second.chosen.epochs, 7);
  const left = (second.deadline().deadline! - Date.now()) / 1000;
  assert.ok(left <= 194 && left > 150, `${left} of 600 s, less the test and 1%`);
  for (const text of [
    '{"of": "an',
    JSON.stringify({ ...kept, of: 'another' }),
    JSON.stringify({ ...kept, size: 1, spent: 500 }),
    JSON.stringify({ ...kept, of: JSON.stringify({ ...JSON.parse(kept.of), from: 'other weights' }), spent: 500 }),
  ]) {
    writeFileSync(file, text);
    assert.ok((await choose()).spent < 300);
  }
  second.end();
  assert.equal(existsSync(file), false);
});

test('flags that do not go with a time, and a time that is too short, are refused', () => {
  const refused: [string[], RegExp][] = [
    [
      ['quick', '--minutes', '1', '--epochs', '2'],
      /--epochs: expected none with --minutes, from which they follow, got 2/,
    ],
    [['quick', '--minutes', '1', '--hours', '1'], /--hours: expected none with --minutes, got 1/],
    [['quick', '--hours', '1', '--seeds', '2'], /--seeds: expected one with --hours, got 2/],
    [['quick', '--minutes', '1', '--replicas', '2'], /--replicas: expected none with --minutes, got 2/],
    [
      ['quick', '--minutes', '1', '--filters', '8'],
      /--filters: expected N with it, such as quick:1, or neither, got quick/,
    ],
    [
      ['quick:1', '--filters', '8', '--minutes', '1', '--stream'],
      /--minutes: expected images .* in the cache, as with --no-stream, got streamed/,
    ],
    [
      ['quick:4', '--filters', '32', '--minutes', '0.001'],
      /--minutes: expected at least about [\d.]+, which measuring .* on this machine, got 0.001/,
    ],
    [
      ['quick:4', '--filters', '32', '--hours', '0.0001'],
      /--hours: expected at least about 0\.[\d]+, which measuring .* on this machine, got 0.0001/,
    ],
    [
      ['quick', '--minutes', '1', '--validation-images', '120'],
      /validation images: expected a whole number from 0 to 99, got 120/,
    ],
    [['quick'], /model: expected SOURCE:N@P/],
    [['quick', '--minutes', '1000001'], /--minutes: expected at most 1,000,000, got 1000001/],
    [['quick:1', '--seeds', '999999999'], /--seeds: expected at most 1,000, got 999999999/],
    [['quick:1', '--device', ''], /--device: expected a value, got an empty one/],
    [
      ['nasnet-a:20', '--filters', '10000', '--minutes', '1'],
      /training: expected at most .* which this machine has free, got a predicted/,
    ],
  ];
  const ended = nasnets(
    refused.map(([words]) => train('refused', ...words)),
    environment,
  );
  for (const [index, [, message]] of refused.entries()) {
    const { code, stderr } = ended[index]!;
    assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
  }
  assert.equal(existsSync(planOf('refused')), false, 'nothing is written');
});

test('the plan of a stopped training makes place for another one, a file of the same name does not', () => {
  const stopped = '{"of": "a training that was stopped"}';
  new ResultFiles({ of: 'train for a time' }).claim(planOf('stopped'));
  for (const name of ['stopped', 'foreign']) writeFileSync(planOf(name), stopped);
  const words = (name: string) => train(name, 'nasnet-a:0', '--filters', '4', '--size', '16', '--minutes', '0.2');
  const [replaced, refused] = nasnets([words('stopped'), words('foreign')], environment);
  assert.equal(replaced!.code, 0, replaced!.stderr);
  assert.equal(existsSync(planOf('stopped')), false);
  assert.match(
    refused!.stderr,
    /foreign\.plan\.json: exists already, written by another program or version; name another/,
  );
  assert.equal(readFileSync(planOf('foreign'), 'utf8'), stopped);
});
