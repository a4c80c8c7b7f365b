// `nasnet train --replicas`: the figures of accumulated gradients, the end of a replica, and several machines.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../../src/replicas/free-port.ts';
import { Machine, skip as noMachines } from '../cluster/machine.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { listening } from '../ports.ts';
import { pictures, writeClassTar, writeFolders } from '../streams/written.ts';
import { type Ended, nasnet } from './run.ts';
import { assertEqualWeights, killReplica, noChildren, start } from './running.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };
let folders: string;
let archive: string;

before(async () => {
  const all = await pictures(['ant', 'bee', 'cat'], 12);
  folders = writeFolders(join(folder, 'photos'), all);
  archive = writeClassTar(join(folder, 'pictures.tar'), all);
});

/**
 * A training without random numbers of a replica, which are those of drop-path and dropout, at a rate that does not
 * enlarge rounding.
 */
const fixed = [
  ...['--recipe', 'small', '--drop-path-keep', '1', '--dropout-keep', '1', '--size', '32', '--filters', '4'],
  ...[
    '--batch-size',
    '8',
    '--learning-rate',
    '0.002',
    '--validation-images',
    '6',
    '--device',
    'cpu',
    '--precision',
    'float32',
  ],
];

const weightsOf = (name: string) => join(folder, name, 'network.safetensors');

/**
 * Returns the words of a training whose files are in a folder of its own. Each of its processes has one thread: sums of
 * another number of threads round otherwise, which turns the sign of an activation near 0.
 */
function training(name: string, dataset: string, ...words: string[]): string[] {
  mkdirSync(join(folder, name), { recursive: true });
  return ['train', 'nasnet-a:0', '--dataset', dataset, ...fixed, '--threads', '1', '-o', weightsOf(name), ...words];
}

function finished({ code, stdout, stderr }: Ended) {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as { epochs: { loss: number }[]; test: { images: number } };
}

for (const [count, images] of [
  [2, 'prepared'],
  [2, 'streamed'],
  [4, 'streamed'],
] as const)
  test(`${count} replicas with ${images} images have the losses and weights of --accumulate ${count}`, () => {
    const dataset = images === 'prepared' ? folders : archive;
    const names = ['replicas', 'accumulate'].map((way) => `${way}-${count}-${images}`) as [string, string];
    const [together, alone] = [
      training(names[0], dataset, '--epochs', '2', '--replicas', `${count}`, '--json'),
      training(names[1], dataset, '--epochs', '2', '--accumulate', `${count}`, '--json'),
    ].map((words) => finished(nasnet(words, environment)));
    assert.equal(together!.epochs.length, 2);
    for (const [place, { loss }] of together!.epochs.entries())
      assert.ok(Math.abs(loss - alone!.epochs[place]!.loss) < 1e-5, `${loss}, not ${alone!.epochs[place]!.loss}`);
    assert.equal(together!.test.images, alone!.test.images);
    assertEqualWeights(weightsOf(names[0]), weightsOf(names[1]));
    const written = readdirSync(join(folder, names[0])).sort();
    assert.deepEqual(written, readdirSync(join(folder, names[1])).sort(), 'only the first replica writes');
  });

test('a replica that is killed ends the training, which goes on with another number', {
  skip: noChildren,
}, async () => {
  const words = (name: string, ...more: string[]) =>
    training(name, archive, '--epochs', '4', '--accumulate', '4', '--checkpoint-every', '0s', ...more);
  const through = nasnet(words('through'), environment);
  assert.equal(through.code, 0, through.stderr);
  const killed = start(words('killed', '--replicas', '2'), environment);
  await killed.prints(/epoch 1: /);
  await killReplica(killed);
  const resumed = nasnet(words('killed', '--replicas', '4'), environment);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /Resuming from .*network\.safetensors\.checkpoint/);
  assertEqualWeights(weightsOf('killed'), weightsOf('through'));
});

test('two commands that meet train as one; another rank, count or recipe is refused before', async () => {
  const words = (name: string, ...more: string[]) => training(name, archive, '--epochs', '1', ...more);
  assert.equal(nasnet(words('one', '--accumulate', '2'), environment).code, 0);
  const port = await freePort();
  const place = ['--replicas', '2', '--rendezvous', `127.0.0.1:${port}`];
  const first = start(words('first', ...place, '--rank', '0'), environment);
  await listening(port); // else the second rank 0 would be the first one to listen, and wait for others
  const refused: [string[], RegExp][] = [
    [[...place, '--rank', '0'], /^nasnet: --rendezvous: expected a free port, got 127\.0\.0\.1:\d+, where another/m],
    [[...place, '--rank', '1', '--replicas', '3'], /^nasnet: --replicas: expected 2 as at replica 0, got 3$/m],
    [[...place, '--rank', '1', '--epochs', '2'], /^nasnet: expected the .* got training\.recipe\.epochs: 2, there 1$/m],
    [[...place, '--rank', '2'], /^nasnet: --rank: expected ranks from 0 to 1 with --replicas 2, got 2$/m],
    [place, /^nasnet: --rank: expected which replicas run on this machine, such as 0 or 2-3, got none$/m],
  ];
  for (const [more, sentence] of refused) {
    const { code, stderr } = nasnet(words('refused', ...more), environment);
    assert.equal(code, 2, stderr);
    assert.match(stderr, sentence);
  }
  const second = start(words('second', ...place, '--rank', '1'), environment);
  for (const { code, stderr } of await Promise.all([first.ended, second.ended])) assert.equal(code, 0, stderr);
  assert.match(second.stderr(), /^Replica 1 of 2 trains with 127\.0\.0\.1:\d+, which prints and writes$/m);
  assert.deepEqual(readdirSync(join(folder, 'second')), [], 'the second one writes nothing');
  assertEqualWeights(weightsOf('first'), weightsOf('one'));
});

test('two machines train as one', { skip: noMachines }, async () => {
  using machine = new Machine();
  const words = (name: string, ...more: string[]) => training(name, archive, '--epochs', '1', ...more);
  assert.equal(nasnet(words('alone', '--accumulate', '2'), environment).code, 0);
  const place = ['--replicas', '2', '--rendezvous', `${machine.here}:${await freePort()}`];
  const first = start(words('here', ...place, '--rank', '0'), environment);
  const second = start(words('there', ...place, '--rank', '1'), environment, machine);
  for (const { code, stderr } of await Promise.all([first.ended, second.ended])) assert.equal(code, 0, stderr);
  assertEqualWeights(weightsOf('here'), weightsOf('alone'));
});
