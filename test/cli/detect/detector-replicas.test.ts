// `nasnet detect train --replicas`: the end of a replica, and how the training goes on.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../../data/temporary.ts';
import { makeShapes, writeCoco } from '../../detect/shapes.ts';
import { nasnet } from '../run.ts';
import { assertEqualWeights, killReplica, noChildren, start } from '../running.ts';

const folder = temporaryFolder({ after });

test('a replica that is killed ends the training, which goes on alone to the same weights', {
  skip: noChildren,
}, async () => {
  const shapes = join(folder, 'shapes');
  writeCoco(join(folder, 'shapes.json'), await makeShapes(shapes, { count: 5, seed: 1, side: 64 }));
  const small = ['--filters', '4', '--size', '64', '--channels', '8', '--hidden', '16', '--proposals', '8'];
  const weightsOf = (name: string) => join(folder, name, 'detector.safetensors');
  const words = (name: string, ...more: string[]) => {
    mkdirSync(join(folder, name), { recursive: true });
    const data = ['--dataset', join(folder, 'shapes.json'), '--pictures', shapes];
    const training = ['--epochs', '6', '--batch-size', '4', '--accumulate', '2', '--frozen-norms', '--threads', '1'];
    return ['detect', 'train', 'nasnet-a:0', ...small, ...data, ...training, '-o', weightsOf(name), ...more];
  };
  const through = nasnet(words('through'));
  assert.equal(through.code, 0, through.stderr);
  const killed = start(words('killed', '--replicas', '2', '--checkpoint-seconds', '0'));
  await killed.prints(/epoch 2: /);
  await killReplica(killed);
  const resumed = nasnet(words('killed', '--json'));
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /Resuming from .*detector\.safetensors\.checkpoint/);
  assert.doesNotMatch(resumed.stderr, /^epoch 1:/m);
  assert.equal(JSON.parse(resumed.stdout).epochs.length, 6, 'epochs before the stop are reported, too');
  assertEqualWeights(weightsOf('killed'), weightsOf('through'));
});
