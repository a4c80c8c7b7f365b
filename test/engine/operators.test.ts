// Every operator that the project uses: its value and its gradient against its definition in plain TypeScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as create from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import * as operators from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import { Tensor } from '../../src/engine/tensor.ts';
import { check, type Definition } from './definition.ts';
import { elementwise } from './elementwise.ts';
import { images } from './images.ts';
import { reductions } from './reductions.ts';

const { arange, full, onesLike, ones, randn, tensor, zeros, zerosLike } = create;
const float64 = { dtype: 'float64' } as const;

const filled = (name: string, engine: Definition['engine'], value: number): Definition => ({
  name,
  inputs: [[2, 3]],
  engine,
  shape: [2, 3],
  element: () => () => value,
  gradient: false,
});

const created: Definition[] = [
  filled('zeros', () => zeros([2, 3], float64), 0),
  filled('ones', () => ones([2, 3], float64), 1),
  filled('full', () => full([2, 3], -1.25, float64), -1.25),
  filled('zerosLike', (a) => zerosLike(a!), 0),
  filled('onesLike', (a) => onesLike(a!), 1),
  {
    name: 'arange',
    inputs: [],
    engine: () => arange(3, 17, 4),
    shape: [4],
    element: () => (i) => 3 + 4 * i!,
    gradient: false,
  },
  {
    name: 'tensor',
    inputs: [],
    engine: () => tensor([1, 2, 3, 4, 5, 6], [3, 2]),
    shape: [3, 2],
    element: () => (i, j) => 1 + 2 * i! + j!,
    gradient: false,
  },
];

const table = [...elementwise, ...reductions, ...images, ...created];

for (const definition of table) test(`${definition.name} equals its formula`, () => check(definition));

test("pixelMean has the bits of libtorch's mean, and so has its gradient", () => {
  manualSeed(1);
  for (const shape of [
    [3, 5, 7, 7],
    [2, 33, 1, 9],
  ]) {
    const images = randn(shape).contiguous('channels_last');
    images.requiresGrad = true;
    const [ours, theirs] = [operators.pixelMean(images, true), images.mean([2, 3], true)];
    assert.deepEqual(ours.toBytes(), theirs.toBytes());
    const gradientOf = (mean: Tensor) => gradients(mean.square().sum(), [images])[0]!.toArray();
    assert.deepEqual(gradientOf(ours), gradientOf(theirs));
  }
});

test('the table has every operator', () => {
  const elsewhere = [
    ...['constructor', 'takeHandle', 'dispose', 'toArray', 'toBytes', 'item'], // memory.test.ts and create.test.ts
    ...['dropout', 'rand', 'randn', 'randint', 'randperm'], // random.test.ts
    ...['empty', 'fromBytes', 'indexTensor', 'mapFile'], // create.test.ts
  ];
  const methods = Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype));
  const names = [
    ...methods.filter(([, property]) => typeof property.value === 'function').map(([name]) => name),
    ...Object.keys(operators),
    ...Object.keys(create),
  ];
  const defined = new Set([...table.map(({ name }) => name.split(/[ ,]/)[0]!), ...elsewhere]);
  assert.deepEqual(
    names.filter((name) => !defined.has(name)),
    [],
  );
});
