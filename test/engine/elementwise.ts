// Definitions of the elementwise operators: arithmetic, functions, comparisons, in place and not.

import { tensor } from '../../src/engine/create.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import type { Definition, Elements } from './definition.ts';

const positive = [0.3, 2] as const;
const truth = (value: boolean) => Number(value);

/** Rounds half to even, as in IEEE 754. */
function round(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

type Unary = [call: (a: Tensor) => Tensor, formula: (a: number) => number, range?: readonly [number, number]];

const functions: Record<string, Unary> = {
  neg: [(a) => a.neg(), (a) => -a],
  abs: [(a) => a.abs(), Math.abs],
  exp: [(a) => a.exp(), Math.exp],
  log: [(a) => a.log(), Math.log, positive],
  sqrt: [(a) => a.sqrt(), Math.sqrt, positive],
  rsqrt: [(a) => a.rsqrt(), (a) => 1 / Math.sqrt(a), positive],
  square: [(a) => a.square(), (a) => a * a],
  reciprocal: [(a) => a.reciprocal(), (a) => 1 / a, positive],
  tanh: [(a) => a.tanh(), Math.tanh],
  sigmoid: [(a) => a.sigmoid(), (a) => 1 / (1 + Math.exp(-a))],
  relu: [(a) => a.relu(), (a) => Math.max(a, 0)],
  sin: [(a) => a.sin(), Math.sin],
  cos: [(a) => a.cos(), Math.cos],
  floor: [(a) => a.floor(), Math.floor],
  round: [(a) => a.round(), round],
  sign: [(a) => a.sign(), Math.sign],
  'add of a number, twice': [(a) => a.add(1.5, 2), (a) => a + 3],
  'sub of a number, twice': [(a) => a.sub(1.5, 2), (a) => a - 3],
  'mul by a number': [(a) => a.mul(-0.7), (a) => a * -0.7],
  'div by a number': [(a) => a.div(3), (a) => a / 3],
  'pow to a number': [(a) => a.pow(2.5), (a) => a ** 2.5, positive],
  'pow to a whole number': [(a) => a.pow(3), (a) => a ** 3],
  'remainder has the sign of the divisor': [(a) => a.remainder(0.75), (a) => a - 0.75 * Math.floor(a / 0.75)],
  'clamp on both sides': [(a) => a.clamp(-1, 0.5), (a) => Math.min(Math.max(a, -1), 0.5)],
  'clamp from below': [(a) => a.clamp(-1), (a) => Math.max(a, -1)],
  'clamp from above': [(a) => a.clamp(undefined, 0.5), (a) => Math.min(a, 0.5)],
  'add_ of a number': [(a) => a.clone().add_(1.5, 2), (a) => a + 3],
  'sub_ of a number': [(a) => a.clone().sub_(1.5, 2), (a) => a - 3],
  'mul_ by a number': [(a) => a.clone().mul_(3), (a) => a * 3],
  'div_ by a number': [(a) => a.clone().div_(3), (a) => a / 3],
  zero_: [(a) => a.clone().zero_(), () => 0],
  fill_: [(a) => a.clone().fill_(0.25), () => 0.25],
  clamp_: [(a) => a.clone().clamp_(-1, 0.5), (a) => Math.min(Math.max(a, -1), 0.5)],
};

type Binary = [call: (a: Tensor, b: Tensor) => Tensor, formula: (a: number, b: number) => number, typeof positive?];

const pairs: Record<string, Binary> = {
  add: [(a, b) => a.add(b), (a, b) => a + b],
  'add of a multiple': [(a, b) => a.add(b, -0.5), (a, b) => a - 0.5 * b],
  sub: [(a, b) => a.sub(b), (a, b) => a - b],
  'sub of a multiple': [(a, b) => a.sub(b, 3), (a, b) => a - 3 * b],
  mul: [(a, b) => a.mul(b), (a, b) => a * b],
  div: [(a, b) => a.div(b), (a, b) => a / b, positive],
  pow: [(a, b) => a.pow(b), (a, b) => a ** b, positive],
  add_: [(a, b) => a.clone().add_(b, 2), (a, b) => a + 2 * b],
  sub_: [(a, b) => a.clone().sub_(b, 2), (a, b) => a - 2 * b],
  mul_: [(a, b) => a.clone().mul_(b), (a, b) => a * b],
  div_: [(a, b) => a.clone().div_(b), (a, b) => a / b, positive],
  copy_: [(a, b) => a.clone().copy_(b), (_, b) => b],
};

// Floors of numbers in [−2, 2), so that each comparison has equal and unequal elements.
const comparisons: Record<string, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};
type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

const [rows, columns] = [[3, 1], [4]] as const;
const grid = [3, 4];

export const elementwise: Definition[] = [
  ...Object.entries(functions).map(
    ([name, [engine, formula, range]]): Definition => ({
      name,
      inputs: [grid],
      ...(range && { range }),
      engine,
      shape: grid,
      element: (a) => (i, j) => formula(a(i!, j!)),
    }),
  ),
  ...Object.entries(pairs).flatMap(([name, [engine, formula, range]]): Definition[] => {
    const own = range && { range };
    const same: Definition = { name, inputs: [grid, grid], ...own, engine, shape: grid, element: both(formula) };
    if (name.includes('_')) {
      const element = (a: Elements, b: Elements) => (i: number, j: number) => formula(a(i, j), b(j));
      return [
        same,
        { ...same, name: `${name} with a row`, inputs: [grid, columns], element: element as Definition['element'] },
      ];
    }
    const element = (a: Elements, b: Elements) => (i: number, j: number) => formula(a(i, 0), b(j));
    const wide = { ...same, name: `${name} with broadcasting`, inputs: [rows, columns] };
    return [same, { ...wide, element: element as Definition['element'] }];
  }),
  ...Object.entries(comparisons).flatMap(([name, holds]): Definition[] => {
    const compare = name as Comparison;
    const formula = (a: number, b: number) => truth(holds(Math.floor(a), Math.floor(b)));
    const common = { shape: grid, gradient: false };
    return [
      {
        ...common,
        name,
        inputs: [grid, grid],
        engine: (a, b) => a!.floor()[compare](b!.floor()),
        element: both(formula),
      },
      {
        ...common,
        name: `${name} with a number`,
        inputs: [grid],
        engine: (a) => a!.floor()[compare](-1),
        element: (a) => (i, j) => formula(a!(i!, j!), -1),
      },
    ];
  }),
  ...[
    {
      name: 'isFinite',
      element: (a: number) => Number.isFinite(a / Math.floor(a)),
      engine: (a: Tensor) => a.div(a.floor()).isFinite(),
    },
    { name: 'logicalNot', element: (a: number) => Math.floor(a) === 0, engine: (a: Tensor) => a.floor().logicalNot() },
    {
      name: 'logicalAnd',
      element: (a: number) => a > -1 && a < 1,
      engine: (a: Tensor) => a.gt(-1).logicalAnd(a.lt(1)),
    },
    {
      name: 'maskedFill',
      element: (a: number) => (a > 0 ? 9 : a),
      engine: (a: Tensor) => a.maskedFill(a.gt(0), 9),
      gradient: true,
    },
  ].map(
    ({ name, element, engine, gradient = false }): Definition => ({
      name,
      inputs: [grid],
      engine: (a) => engine(a!),
      shape: grid,
      element: (a) => (i, j) => Number(element(a!(i!, j!))),
      gradient,
    }),
  ),
  ...[0, 1.9, 5].flatMap((bound): Definition[] => [
    {
      name: `any above ${bound}`,
      inputs: [grid],
      engine: (a) => a!.gt(bound).any(),
      shape: [],
      element: quantify('some', bound),
      gradient: false,
    },
    {
      name: `all above ${bound - 2}`,
      inputs: [grid],
      engine: (a) => a!.gt(bound - 2).all(),
      shape: [],
      element: quantify('every', bound - 2),
      gradient: false,
    },
  ]),
  {
    name: 'round of halves goes to even numbers',
    inputs: [],
    engine: () => tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], [6], { dtype: 'float64' }).round(),
    shape: [6],
    element: () => (i) => [-2, -2, -0, 0, 2, 2][i!]!,
    gradient: false,
  },
];

function both(formula: (a: number, b: number) => number): Definition['element'] {
  return (a, b) => (i, j) => formula(a!(i!, j!), b!(i!, j!));
}

function quantify(some: 'some' | 'every', bound: number): Definition['element'] {
  const cells = [0, 1, 2].flatMap((i) => [0, 1, 2, 3].map((j) => [i, j] as const));
  return (a) => () => truth(cells[some](([i, j]) => a!(i, j) > bound));
}
