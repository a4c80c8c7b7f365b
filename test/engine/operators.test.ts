// Every operator that the project uses: its value and its gradient against its definition in plain TypeScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as create from '../../src/engine/create.ts';
import * as operators from '../../src/engine/operators.ts';
import { Tensor } from '../../src/engine/tensor.ts';
import { check, type Definition } from './definition.ts';
import { elementwise } from './elementwise.ts';
import { images } from './images.ts';
import { reductions } from './reductions.ts';

const { arange, full, onesLike, ones, tensor, zeros, zerosLike } = create;
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
