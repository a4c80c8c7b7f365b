// Definitions of the operators that reduce, order, normalise, move and pick elements, and of the matrix product.

import { tensor } from '../../src/engine/create.ts';
import { type Definition, type Elements, sum } from './definition.ts';

const cube = [2, 3, 4];
const places = (numbers: number[], shape = [numbers.length]) => tensor(numbers, shape, { dtype: 'int64' });
const indices = (count: number) => Array.from({ length: count }, (_, index) => index);
const row = (a: Elements, ...leading: number[]) => indices(4).map((k) => a(...leading, k));
const everything = (a: Elements) => indices(2).flatMap((i) => indices(3).flatMap((j) => row(a, i, j)));
const mean = (numbers: number[]) => sum(numbers.length, (k) => numbers[k]!) / numbers.length;
const variance = (numbers: number[], less = 0) => {
  const middle = mean(numbers);
  return sum(numbers.length, (k) => (numbers[k]! - middle) ** 2) / (numbers.length - less);
};
const softmax = (numbers: number[], k: number) =>
  Math.exp(numbers[k]!) / sum(numbers.length, (m) => Math.exp(numbers[m]!));
const falling = (numbers: number[]) => [...numbers].sort((a, b) => b - a);

type Row = [
  name: string,
  engine: Definition['engine'],
  shape: number[],
  element: (a: Elements) => (i: number, j: number, k: number, l: number) => number,
];

/** Operators of one input [2, 3, 4]. */
const smooth: Row[] = [
  ['sum', (a) => a!.sum(), [], (a) => () => sum(24, (n) => everything(a)[n]!)],
  ['sum over an axis', (a) => a!.sum(1), [2, 4], (a) => (i, k) => sum(3, (j) => a(i, j, k))],
  [
    'sum over two axes, kept',
    (a) => a!.sum([0, -1], true),
    [1, 3, 1],
    (a) => (_, j) => sum(8, (n) => a(n >> 2, j, n & 3)),
  ],
  ['mean', (a) => a!.mean(), [], (a) => () => mean(everything(a))],
  ['mean over an axis', (a) => a!.mean(2), [2, 3], (a) => (i, j) => mean(row(a, i, j))],
  ['mean over an axis, kept', (a) => a!.mean([2], true), [2, 3, 1], (a) => (i, j) => mean(row(a, i, j))],
  ['max', (a) => a!.max(), [], (a) => () => Math.max(...everything(a))],
  ['max over an axis', (a) => a!.max(-1), [2, 3], (a) => (i, j) => Math.max(...row(a, i, j))],
  ['min', (a) => a!.min(), [], (a) => () => Math.min(...everything(a))],
  ['min over an axis, kept', (a) => a!.min(2, true), [2, 3, 1], (a) => (i, j) => Math.min(...row(a, i, j))],
  ['variance', (a) => a!.variance(), [], (a) => () => variance(everything(a))],
  [
    'variance over an axis, unbiased',
    (a) => a!.variance(2, { unbiased: true }),
    [2, 3],
    (a) => (i, j) => variance(row(a, i, j), 1),
  ],
  [
    'variance over an axis, kept',
    (a) => a!.variance([2], { keepAxes: true }),
    [2, 3, 1],
    (a) => (i, j) => variance(row(a, i, j)),
  ],
  ['norm', (a) => a!.norm(), [], (a) => () => Math.hypot(...everything(a))],
  ['cumsum', (a) => a!.cumsum(2), cube, (a) => (i, j, k) => sum(k + 1, (m) => a(i, j, m))],
  ['softmax', (a) => a!.softmax(2), cube, (a) => (i, j, k) => softmax(row(a, i, j), k)],
  ['logSoftmax', (a) => a!.logSoftmax(-1), cube, (a) => (i, j, k) => Math.log(softmax(row(a, i, j), k))],
  ['topk values', (a) => a!.topk(2).values, [2, 3, 2], (a) => (i, j, k) => falling(row(a, i, j))[k]!],
  ['sort, rising', (a) => a!.sort().values, cube, (a) => (i, j, k) => falling(row(a, i, j))[3 - k]!],
  ['sort, falling', (a) => a!.sort(2, true).values, cube, (a) => (i, j, k) => falling(row(a, i, j))[k]!],
  ['reshape', (a) => a!.reshape([6, -1]), [6, 4], (a) => (n, k) => a(Math.floor(n / 3), n % 3, k)],
  ['flatten', (a) => a!.flatten(1), [2, 12], (a) => (i, n) => a(i, n >> 2, n & 3)],
  ['transpose', (a) => a!.transpose(0, 2), [4, 3, 2], (a) => (k, j, i) => a(i, j, k)],
  ['permute', (a) => a!.permute([2, 0, 1]), [4, 2, 3], (a) => (k, i, j) => a(i, j, k)],
  ['unsqueeze', (a) => a!.unsqueeze(1), [2, 1, 3, 4], (a) => (i, _, j, k) => a(i, j, k)],
  ['squeeze', (a) => a!.reshape([2, 1, 12]).squeeze(1), [2, 12], (a) => (i, n) => a(i, n >> 2, n & 3)],
  ['expand', (a) => a!.select(1, 0).unsqueeze(1).expand([-1, 5, -1]), [2, 5, 4], (a) => (i, _, k) => a(i, 0, k)],
  ['flip', (a) => a!.flip([0, 2]), cube, (a) => (i, j, k) => a(1 - i, j, 3 - k)],
  ['narrow', (a) => a!.narrow(2, 1, 2), [2, 3, 2], (a) => (i, j, k) => a(i, j, k + 1)],
  ['select', (a) => a!.select(1, -1), [2, 4], (a) => (i, k) => a(i, 2, k)],
  ['slice', (a) => a!.slice(2, 1, 4, 2), [2, 3, 2], (a) => (i, j, k) => a(i, j, 1 + 2 * k)],
  ['split into equal parts', (a) => a!.split(2, 1)[1]!, [2, 1, 4], (a) => (i, _, k) => a(i, 2, k)],
  ['split into lengths', (a) => a!.split([1, 3], 2)[1]!, [2, 3, 3], (a) => (i, j, k) => a(i, j, k + 1)],
  ['indexSelect', (a) => a!.indexSelect(1, places([2, 0, 2])), [2, 3, 4], (a) => (i, j, k) => a(i, [2, 0, 2][j]!, k)],
  [
    'gather',
    (a) => a!.select(0, 1).gather(1, places([3, 3, 0, 1, 2, 0], [3, 2])),
    [3, 2],
    (a) => (j, n) => a(1, j, [3, 3, 0, 1, 2, 0][2 * j + n]!),
  ],
  ['contiguous', (a) => a!.transpose(0, 1).contiguous(), [3, 2, 4], (a) => (j, i, k) => a(i, j, k)],
  ['clone', (a) => a!.clone(), cube, (a) => a],
  [
    'clone of a transposed one',
    (a) => a!.transpose(0, 2).clone('contiguous'),
    [4, 3, 2],
    (a) => (k, j, i) => a(i, j, k),
  ],
  ['to the dtype it has', (a) => a!.to('float64'), cube, (a) => a],
  ['to the device it is on', (a) => a!.to('cpu'), cube, (a) => a],
];

const rough: Row[] = [
  ['argmax', (a) => a!.argmax(), [], (a) => () => everything(a).indexOf(Math.max(...everything(a)))],
  [
    'argmax along an axis',
    (a) => a!.argmax(2, true),
    [2, 3, 1],
    (a) => (i, j) => row(a, i, j).indexOf(Math.max(...row(a, i, j))),
  ],
  [
    'topk indices',
    (a) => a!.topk(2, 2).indices,
    [2, 3, 2],
    (a) => (i, j, k) => row(a, i, j).indexOf(falling(row(a, i, j))[k]!),
  ],
  [
    'sort indices',
    (a) => a!.sort(2).indices,
    cube,
    (a) => (i, j, k) => row(a, i, j).indexOf(falling(row(a, i, j))[3 - k]!),
  ],
  ['to float32 and back', (a) => a!.to('float32').to('float64'), cube, (a) => (i, j, k) => Math.fround(a(i, j, k))],
  ['to int64 cuts towards zero', (a) => a!.to('int64'), cube, (a) => (i, j, k) => Math.trunc(a(i, j, k)) + 0],
  ['detach', (a) => a!.detach(), cube, (a) => a],
];

const define =
  (gradient: boolean) =>
  ([name, engine, shape, element]: Row): Definition => ({
    name,
    inputs: [cube],
    engine,
    shape,
    element: (a) => element(a!) as Elements,
    gradient,
  });

export const reductions: Definition[] = [
  ...smooth.map(define(true)),
  ...rough.map(define(false)),
  {
    name: 'indexAdd',
    inputs: [
      [3, 2],
      [4, 2],
    ],
    engine: (a, b) => a!.indexAdd(0, places([2, 0, 2, 2]), b!),
    shape: [3, 2],
    element: (a, b) => (i, j) => a!(i!, j!) + sum(4, (n) => ([2, 0, 2, 2][n] === i ? b!(n, j!) : 0)),
  },
  {
    name: 'matmul',
    inputs: [
      [2, 3],
      [3, 4],
    ],
    engine: (a, b) => a!.matmul(b!),
    shape: [2, 4],
    element: (a, b) => (i, j) => sum(3, (k) => a!(i!, k) * b!(k, j!)),
  },
  {
    name: 'matmul in batches',
    inputs: [
      [2, 2, 3],
      [3, 2],
    ],
    engine: (a, b) => a!.matmul(b!),
    shape: [2, 2, 2],
    element: (a, b) => (n, i, j) => sum(3, (k) => a!(n!, i!, k) * b!(k, j!)),
  },
];
