// A network's inference as a program of native/inference/: made once from what a forward pass computes, run in one call
// for any number of images. Its results differ from the forward pass's by rounding, since batch norms are multiplied
// into the weights. Weights that change later are packed again before the next run.

import { addon } from '../addon.ts';
import { zeros } from '../create.ts';
import { Tensor } from '../tensor.ts';
import { type Axis, observeGraph, type Window } from './inference-graph.ts';
import { type Buffer, type Schedule, type Step, scheduleOf, type View } from './schedule.ts';

/** The order of native/inference/program.h. */
const kinds = { unit: 0, average: 1, maximum: 2, sum: 3, input: 3, concat: 3, mean: 4 } as const;

const collector = new FinalizationRegistry<number>((program) => addon().releaseProgram(program));

export class Program {
  #number: number | undefined;

  private constructor(number: number) {
    this.#number = number;
    collector.register(this, number, this);
  }

  /**
   * Makes the program of a forward pass, which is called once, for one image.
   * @param shape channels, height and width
   * @returns undefined if it calls operators that programs do not have
   */
  static of(forward: (image: Tensor) => Tensor, shape: readonly [number, number, number]): Program | undefined {
    const image = zeros([1, ...shape]);
    const graph = observeGraph(forward, image);
    image.dispose();
    if (!graph) return undefined;
    const { code, parameters } = encoded(scheduleOf(graph), graph.shape);
    return new Program(
      addon().createProgram(
        code,
        Int32Array.from(parameters, ({ handle }) => handle),
      ),
    );
  }

  /** Returns the forward pass's result for images [n, channels, height, width]. */
  run(images: Tensor): Tensor {
    if (this.#number === undefined) throw new Error('The program was disposed: it cannot be run any more');
    return Tensor.adopt(addon().runProgram(this.#number, images.handle));
  }

  /** Frees its memory. Can be called twice. */
  [Symbol.dispose](): void {
    if (this.#number === undefined) return;
    collector.unregister(this);
    addon().releaseProgram(this.#number);
    this.#number = undefined;
  }
}

/** Writes a schedule as numbers, in the order in which native/inference/program.cpp reads them. */
function encoded({ input, result, steps }: Schedule, shape: readonly number[]) {
  const buffers = new Map<Buffer, number>([input, result].map((buffer, index) => [buffer, index]));
  const parameters = new Map<Tensor, number>();
  const number = <T>(all: Map<T, number>, one: T): number => {
    if (!all.has(one)) all.set(one, all.size);
    return all.get(one)!;
  };
  const view = ({ buffer, base, row, pixel, split, left }: View) => [
    number(buffers, buffer),
    base,
    row,
    pixel,
    split,
    left,
  ];
  const axis = ({ input, result, kernel, stride, dilation, before }: Axis) => [
    input,
    result,
    kernel,
    stride,
    dilation,
    before,
  ];
  const parametersOf = ({ node }: Step): number[] => {
    if (node.kind !== 'unit') return [-1, -1, -1, -1, -1, -1, -1, 0, 0];
    const { depthwise, weight, norm, bias } = node;
    const all = [depthwise, weight, norm?.scale, norm?.shift, norm?.mean, norm?.variance, bias];
    const numbers = all.map((each) => (each ? number(parameters, each) : -1));
    return [...numbers, norm?.epsilon ?? 0, norm?.offset ?? 0];
  };
  const stepCode = (step: Step): number[] => {
    const { node, from, to, addend, copies, value } = step;
    const { rows, columns } = windowOf(step);
    return [
      kinds[node.kind],
      ...view(from.view),
      from.value.channels,
      ...axis(rows),
      ...axis(columns),
      value.channels,
      ...view(to.view),
      Number(to.relu),
      Number(addend !== undefined),
      ...view(addend ?? to.view),
      copies.length,
      ...copies.flatMap((copy) => [...view(copy.view), Number(copy.relu)]),
      ...parametersOf(step),
      node.kind === 'mean' ? node.factor : 1,
    ];
  };
  const code = steps.flatMap(stepCode);
  const memory = [...buffers.keys()].flatMap(({ floats, fill }) => [floats, fill]);
  const all = [buffers.size, ...memory, shape.length, ...shape, steps.length, ...code];
  return { code: Float64Array.from(all), parameters: [...parameters.keys()] };
}

/** Returns the window of a step; without one each pixel is under its own. */
function windowOf({ node, from, value }: Step): Window {
  if ('window' in node) return node.window;
  const whole = (input: number, result: number): Axis => ({
    input,
    result,
    kernel: 1,
    stride: 1,
    dilation: 1,
    before: 0,
  });
  return { rows: whole(from.value.height, value.height), columns: whole(from.value.width, value.width) };
}
