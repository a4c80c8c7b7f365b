// The flags that name images, in every command that takes them.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../data/temporary.ts';
import { writeColourNetwork } from '../model/colour-network.ts';
import { nasnets } from './run.ts';

test('the official files of CIFAR-10 are refused with every other dataset, before it is read', () => {
  const folder = temporaryFolder({ after });
  const model = join(folder, 'model.safetensors');
  writeColourNetwork(model, ['red', 'green'], [0, 1, 2]);
  const train = ['train', 'nasnet-a:0', '--filters', '4', '-o', join(folder, 'network.safetensors')];
  const lines = [
    [...train, '--dataset', 'photos'],
    [...train, '--dataset', 'photos', '--stream'],
    ['search', '--dataset', 'photos', '--study', join(folder, 'study.db')],
    ['evaluate', model, 'photos'],
    ['evaluate', model, '--dataset', 'photos'],
  ];
  const ended = nasnets(lines.map((words) => [...words, '--data', 'cifar-10-batches-bin']));
  const refusal = 'nasnet: --data: expected the dataset cifar10 with it, got photos\n';
  for (const [place, { code, stderr }] of ended.entries())
    assert.deepEqual([code, stderr], [2, refusal], lines[place]!.join(' '));
});
