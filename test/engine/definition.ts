// An operator's definition as a formula for one element of its result, and the check that the engine agrees with it:
// its values, and its gradients with central differences of the formula. The reference does not use the engine.

import assert from 'node:assert/strict';
import { tensor } from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { scope } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';

/** Returns the element at an index; without an index the only element. */
export type Elements = (...index: number[]) => number;

export interface Definition {
  /** The name of the method or function, then the special feature of this use. */
  name: string;
  /** Shapes of the inputs, which are float64 and uniform in `range`. */
  inputs: readonly (readonly number[])[];
  range?: readonly [number, number];
  engine: (...inputs: Tensor[]) => Tensor;
  shape: readonly number[];
  element: (...inputs: Elements[]) => Elements;
  /** false for results that are not smooth or not floats. */
  gradient?: boolean;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

export const sum = (count: number, term: (index: number) => number): number =>
  Array.from({ length: count }, (_, index) => term(index)).reduce((total, each) => total + each, 0);

/** Returns a function that reads elements of row-major numbers of this shape. */
export function elementsOf(numbers: ArrayLike<number>, shape: readonly number[]): Elements {
  return (...index) => {
    assert.equal(index.length, shape.length, 'the formula takes an index per axis');
    return numbers[shape.reduce((place, length, axis) => place * length + index[axis]!, 0)]!;
  };
}

/** Evaluates a formula over a shape, in row-major order. */
export function tabulate(shape: readonly number[], element: Elements): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, place) => {
    const index: number[] = [];
    for (let axis = shape.length - 1, rest = place; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    return element(...index);
  });
}

export function assertClose(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(got.length, expected.length, what);
  for (let place = 0; place < got.length; place++) {
    const [one, other] = [got[place]!, expected[place]!];
    const close = Object.is(one, other) || Math.abs(one - other) <= tolerance * Math.max(1, Math.abs(other));
    assert.ok(close, `${what}, element ${place}: the engine has ${one}, the formula ${other}`);
  }
}

/** Runs a definition in the engine and by its formula, and compares. */
export function check(definition: Definition): void {
  const { name, inputs, range: [low, high] = [-2, 2], engine, shape, element, gradient = true } = definition;
  const random = new RandomStream(name);
  const draw = (count: number) => Float64Array.from({ length: count }, () => low + (high - low) * random.uniform());
  const numbers = inputs.map((each) => draw(sizeOf(each)));
  const formula = () => tabulate(shape, element(...numbers.map((each, input) => elementsOf(each, inputs[input]!))));
  scope(() => {
    const variables = numbers.map((each, input) => tensor(each, inputs[input]!, { requiresGrad: gradient }));
    const result = engine(...variables);
    assert.deepEqual(result.shape, shape);
    assertClose(result.detach().toArray(), formula(), 1e-11, 'value');
    variables.forEach((variable, input) => {
      assertClose(variable.detach().toArray(), numbers[input]!, 0, 'an input must stay as it was');
    });
    if (!gradient) return;
    const weights = draw(sizeOf(shape)); // weights of a loss over the result
    const loss = () => formula().reduce((total, each, place) => total + each * weights[place]!, 0);
    const actual = gradients(result.mul(tensor(weights, shape)).sum(), variables);
    actual.forEach((each, input) => {
      const expected = Array.from(numbers[input]!, (_, place) => difference(loss, numbers[input]!, place));
      assertClose(each?.toArray() ?? expected.map(() => 0), expected, 1e-6, `gradient of input ${input}`);
    });
  });
}

function difference(loss: () => number, numbers: Float64Array, place: number): number {
  const step = 1e-5;
  const before = numbers[place]!;
  numbers[place] = before + step;
  const above = loss();
  numbers[place] = before - step;
  const below = loss();
  numbers[place] = before;
  return (above - below) / (2 * step);
}
