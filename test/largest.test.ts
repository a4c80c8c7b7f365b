// Sizes that are too large are refused in one sentence with the limit, before anything is built.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { largest } from '../src/largest.ts';
import { planNetwork } from '../src/plan/plan.ts';
import type { Cell } from '../src/space/architecture.ts';
import { architectureKey } from '../src/space/canonical.ts';
import { nasnetA } from '../src/space/published.ts';
import { nasnets } from './cli/run.ts';
import { temporaryFolder } from './data/temporary.ts';

const folder = temporaryFolder({ after });
const flat = (blocks: number): Cell => ({
  blocks: Array.from({ length: blocks }, () => ({
    inputs: [0, 1],
    operations: ['identity', 'identity'],
    combine: 'add',
  })),
});

test('each command line that asks for too much is refused with the limit', () => {
  const many = join(folder, 'many.json');
  writeFileSync(many, JSON.stringify({ normal: flat(300), reduction: flat(300) }));
  const cases: [string, string][] = [
    ['profile nasnet-a:1000000@768', 'model: N: expected at most 200, got 1000000'],
    ['profile nasnet-a:1 --filters 10001', '--filters: expected at most 10,000, got 10001'],
    ['profile nasnet-a:1@24000000', 'filters: expected at most 10,000, got 1000000'],
    ['profile nasnet-a:1@24 --classes 99999999', '--classes: expected at most 100,000, got 99999999'],
    ['profile nasnet-a:1@24 --stem-channels 99999999', '--stem-channels: expected at most 30,000, got 99999999'],
    ['profile nasnet-a:1@24 --input 5000x32', '--input: expected at most 4,096, got 5000'],
    ['profile nasnet-a:1@24 --measure --batch 1,70000', '--batch: expected at most 65,536, got 70000'],
    ['profile nasnet-a:1@24 --measure --threads 99999', '--threads: expected at most 1,024, got 99999'],
    ['train nasnet-a:0 --filters 4 --threads 99999', '--threads: expected at most 1,024, got 99999'],
    ['train nasnet-a:0 --filters 4 --size 99999', '--size: expected at most 4,096, got 99999'],
    ['train nasnet-a:0 --filters 4 --epochs 1e9', '--epochs: expected at most 100,000, got 1000000000'],
    ['train nasnet-a:0 --filters 4 --batch-size 100000', '--batch-size: expected at most 65,536, got 100000'],
    ['train nasnet-a:1000000 --filters 4', 'model: N: expected at most 200, got 1000000'],
    ['evaluate x.safetensors --threads 99999', '--threads: expected at most 1,024, got 99999'],
    ['classify x.safetensors y.png --batch 99999999999', '--batch: expected at most 65,536, got 99999999999'],
    ['search --dry-run --blocks 1000000', '--blocks: expected at most 10, got 1000000'],
    ['search --dry-run --workers 10000', '--workers: expected at most 1,000, got 10000'],
    ['search --dry-run --trials 99999999999', '--trials: expected at most 10,000,000, got 99999999999'],
    ['search --dry-run --rungs 1,3:filters=99999', '--rungs: filters: expected at most 10,000, got 99999'],
    ['search --dry-run --rungs 1,3:resolution=99999', '--rungs: resolution: expected at most 4,096, got 99999'],
    [`search --dry-run --known ${many}`, `${many}: normal.blocks: expected at most 10, got 300`],
    ['simulate --workers 1000000', '--workers: expected at most 100,000, got 1000000'],
    [`draw ${many} -o x.svg`, `${many}: normal.blocks: expected at most 10, got 300`],
    [`export ${many}:1@24 -o x.onnx`, `${many}: normal.blocks: expected at most 10, got 300`],
  ];
  const ended = nasnets(cases.map(([line]) => line.split(' ')));
  assert.deepEqual(
    ended.map(({ code, stderr }) => [code, stderr]),
    cases.map(([, sentence]) => [2, `nasnet: ${sentence}\n`]),
  );
});

test('the largest allowed network can be planned', () => {
  const { cells, filters, classes } = largest;
  assert.equal(planNetwork(nasnetA, { cells, filters, classes }).cells.length, 3 * cells + 2);
});

test('equal blocks have one canonical form, which is found without trying all orders', () => {
  const cell = flat(largest.blocks); // 3,628,800 orders
  const key = architectureKey({ normal: cell, reduction: cell });
  assert.equal(key.split(' | ')[0], `${'0.1.0.0.0 '.repeat(10)}2,3,4,5,6,7,8,9,10,11`);
});
