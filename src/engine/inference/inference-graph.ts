// What a forward pass without gradients computes, as a graph: observed from the operators that it calls for one image.
// Batch norms belong to their units, and a ReLU to whoever reads through it. What was computed in bfloat16 stands for
// the same in float32.

import { noGrad, scope } from '../memory.ts';
import { type Value as Argument, type Observer, observed, type Result } from '../operator.ts';
import { type DType, Tensor } from '../tensor.ts';

/** Rows or columns under a window; `before`: cells of padding, negative ones cut off. */
export interface Axis {
  input: number;
  result: number;
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
}

export interface Window {
  rows: Axis;
  columns: Axis;
}

export interface Norm {
  scale: Tensor;
  shift: Tensor;
  mean: Tensor;
  variance: Tensor;
  epsilon: number;
  /** The first of the parameters' channels that counts. */
  offset: number;
}

/** A value that is read, through a ReLU or as it is. */
export interface Source {
  value: Value;
  relu: boolean;
}

export type Node =
  | { kind: 'input' }
  | {
      kind: 'unit';
      input: Source;
      /** The window of the depthwise convolution if there is one. */
      window: Window;
      depthwise: Tensor | undefined;
      weight: Tensor;
      norm: Norm | undefined;
      bias: Tensor | undefined;
    }
  | { kind: 'average' | 'maximum'; input: Source; window: Window }
  | { kind: 'sum'; parts: [Source, Source] }
  | { kind: 'concat'; parts: Source[] }
  | { kind: 'mean'; input: Source; factor: number };

/** Images of one size, or numbers without places: 1 × 1. */
export interface Value {
  node: Node;
  channels: number;
  height: number;
  width: number;
}

export interface Graph {
  input: Value;
  /** All that the result needs, each behind what it reads. */
  values: Value[];
  result: Source;
  /** The result's, without the number of images. */
  shape: number[];
}

/** A graph cannot express what was observed. */
class Unknown extends Error {}

/**
 * Observes what `forward` computes of one image.
 * @returns undefined if it calls an operator that graphs do not have
 */
export function observeGraph(forward: (image: Tensor) => Tensor, image: Tensor): Graph | undefined {
  const builder = new GraphBuilder(image);
  const report: Observer = (name, values, result) => builder.add(name, values, result);
  let graph: Graph | undefined; // not the scope's result, in which it would search for tensors
  try {
    scope(() =>
      noGrad(() => {
        graph = builder.graph(observed(report, () => forward(image)));
      }),
    );
    return graph;
  } catch (error) {
    if (error instanceof Unknown) return undefined;
    throw error;
  }
}

type Pair = [number, number];
type Four = [number, number, number, number];

const numbers: readonly DType[] = ['float32', 'bfloat16'];

class GraphBuilder {
  readonly #input: Value;
  readonly #known = new Map<Tensor, Source>();
  /** The raw result that a norm belongs to. */
  readonly #raws = new Map<Tensor, Tensor>();
  readonly #values: Value[];

  constructor(image: Tensor) {
    const [, channels, height, width] = image.shape as Four;
    this.#input = { node: { kind: 'input' }, channels, height, width };
    this.#values = [this.#input];
    this.#known.set(image, { value: this.#input, relu: false });
  }

  add(name: string, values: readonly Argument[], result: Result | Result[]): void {
    const reads = values.flat().some((each) => each instanceof Tensor && this.#known.has(each));
    if (!reads) return;
    const make = operators[name];
    if (!make) throw new Unknown(name);
    make(this, values, result);
  }

  graph(result: Tensor): Graph {
    const source = this.source(result);
    const needed = new Set<Value>();
    const visit = (value: Value): void => {
      if (needed.has(value)) return;
      needed.add(value);
      for (const each of sourcesOf(value.node)) visit(each.value);
    };
    visit(source.value);
    if (!needed.has(this.#input)) throw new Unknown('a result of nothing');
    const shape = result.shape.slice(1);
    return { input: this.#input, values: this.#values.filter((each) => needed.has(each)), result: source, shape };
  }

  source(tensor: Argument): Source {
    const found = this.#known.get(tensor as Tensor);
    if (!found) throw new Unknown('a tensor from elsewhere');
    return found;
  }

  set(tensor: unknown, source: Source): void {
    this.#known.set(tensor as Tensor, source);
  }

  /** Adds a value that `tensor` has. */
  make(tensor: unknown, node: Node): void {
    const [count, channels, height = 1, width = 1] = (tensor as Tensor).shape;
    if (count !== 1 || channels === undefined || !numbers.includes((tensor as Tensor).dtype))
      throw new Unknown('a shape');
    const value = { node, channels, height, width };
    this.#values.push(value);
    this.set(tensor, { value, relu: false });
  }

  /** Adds a value of the same shape. */
  like(shape: Value, node: Node): Source {
    const value = { ...shape, node };
    this.#values.push(value);
    return { value, relu: false };
  }

  /** A unit's raw result stands for its normalised one, which is what its readers compute first. */
  setNorm(norm: unknown, raw: Tensor): void {
    this.#raws.set(norm as Tensor, raw);
  }

  /** Returns the source of images that are read with their norm, or of those that have none. */
  normalised(images: Argument, norm: Argument): Source {
    if (norm != null && this.#raws.get(norm as Tensor) !== images) throw new Unknown('another norm');
    return this.source(images);
  }
}

/** Returns the sources that a node reads. */
export function sourcesOf(node: Node): readonly Source[] {
  if (node.kind === 'input') return [];
  return node.kind === 'sum' || node.kind === 'concat' ? node.parts : [node.input];
}

type Make = (builder: GraphBuilder, values: readonly Argument[], result: Result | Result[]) => void;

const alias: Make = (builder, [input], result) => {
  for (const each of [result].flat()) builder.set(each, builder.source(input));
};

const throughRelu: Make = (builder, [input], result) => {
  builder.set(result, { ...builder.source(input), relu: true });
};

const pool =
  (kind: 'average' | 'maximum'): Make =>
  (builder, [images, kernel, stride, padding], result) => {
    const input = builder.source(images);
    const window = windowOf(input.value, result as Tensor, kernel as Pair, stride as Pair, padding as Four, [1, 1]);
    builder.make(result, { kind, input, window });
  };

const addition: Make = (builder, [left, right, factor = 1], result) => {
  const parts: [Source, Source] = [builder.source(left), builder.source(right)];
  const [one, other] = parts.map(({ value }) => [value.channels, value.height, value.width].join());
  if (factor !== 1 || one !== other) throw new Unknown('a sum of other shapes');
  builder.make(result, { kind: 'sum', parts });
};

const unit: Make = (builder, values, results) => {
  const [images, norm, depthwise, weight, scale, shift, mean, variance, stride, padding, dilation] = values;
  const [relu, training, , epsilon] = values.slice(11);
  if (scale !== undefined && training === true) throw new Unknown('a unit of another kind');
  const input = builder.normalised(images, norm);
  const [raw, ownNorm] = results as [Tensor, Tensor];
  const kernel = ((depthwise ?? weight) as Tensor).shape.slice(2) as Pair;
  const window = windowOf(input.value, raw, kernel, stride as Pair, padding as Four, dilation as Pair);
  builder.make(raw, {
    kind: 'unit',
    input: { value: input.value, relu: input.relu || relu === true },
    window,
    depthwise: depthwise as Tensor | undefined,
    weight: weight as Tensor,
    norm: scale === undefined ? undefined : ({ scale, shift, mean, variance, epsilon, offset: 0 } as Norm),
    bias: undefined,
  });
  builder.setNorm(ownNorm, raw);
};

/** A norm of a concatenation becomes one of each of its units. */
const batchNorm: Make = (builder, [images, scale, shift, mean, variance, training, , epsilon], result) => {
  if (training === true) throw new Unknown('a norm by the batch');
  const normed = (source: Source, offset: number): Source => {
    const { node } = source.value;
    if (source.relu) throw new Unknown('a norm behind a ReLU');
    if (node.kind === 'concat') {
      let next = offset;
      const parts = node.parts.map((part) => {
        next += part.value.channels;
        return normed(part, next - part.value.channels);
      });
      return builder.like(source.value, { ...node, parts });
    }
    if (node.kind !== 'unit' || node.norm || node.bias) throw new Unknown('a norm of something else');
    return builder.like(source.value, { ...node, norm: { scale, shift, mean, variance, epsilon, offset } as Norm });
  };
  builder.set(result, normed(builder.source(images), 0));
};

const combine: Make = (builder, [left, leftNorm, right, rightNorm], result) => {
  const one = builder.normalised(left, leftNorm);
  if (right == null) builder.set(result, one);
  else builder.make(result, { kind: 'sum', parts: [one, builder.normalised(right, rightNorm)] });
};

const concat: Make = (builder, [images], result) => {
  const parts = (images as Tensor[]).map((each) => builder.source(each));
  builder.make(result, { kind: 'concat', parts });
};

const pixelSum: Make = (builder, [images, axes], result) => {
  if (String(axes) !== '2,3') throw new Unknown('a sum over other axes');
  builder.make(result, { kind: 'mean', input: builder.source(images), factor: 1 });
};

const division: Make = (builder, [sum, divisor], result) => {
  const { value, relu } = builder.source(sum);
  if (value.node.kind !== 'mean' || relu || typeof divisor !== 'number') throw new Unknown('a division');
  builder.make(result, { ...value.node, factor: value.node.factor / divisor });
};

const flatten: Make = (builder, [input], result) => {
  const source = builder.source(input);
  if (source.value.height * source.value.width > 1) throw new Unknown('flat images');
  builder.set(result, source);
};

const dropout: Make = (builder, [input, , training], result) => {
  if (training !== false) throw new Unknown('random zeros');
  builder.set(result, builder.source(input));
};

const linear: Make = (builder, [input, weight, bias], result) => {
  const one: Axis = { input: 1, result: 1, kernel: 1, stride: 1, dilation: 1, before: 0 };
  const source = builder.source(input);
  if (source.value.height * source.value.width > 1) throw new Unknown('images as numbers');
  builder.make(result, {
    kind: 'unit',
    input: source,
    window: { rows: one, columns: one },
    depthwise: undefined,
    weight: weight as Tensor,
    norm: undefined,
    bias: bias as Tensor | undefined,
  });
};

function windowOf(input: Value, result: Tensor, kernel: Pair, stride: Pair, padding: Four, dilation: Pair): Window {
  const axis = (index: 0 | 1): Axis => ({
    input: index === 0 ? input.height : input.width,
    result: result.shape[2 + index]!,
    kernel: kernel[index],
    stride: stride[index],
    dilation: dilation[index],
    before: padding[2 * index]!,
  });
  return { rows: axis(0), columns: axis(1) };
}

const operators: Record<string, Make> = {
  'aten::contiguous': alias,
  'aten::to.dtype': alias,
  'nasnet::fan_out': alias,
  'nasnet::unit': unit,
  'nasnet::batch_norm': batchNorm,
  'nasnet::combine': combine,
  'nasnet::concat': concat,
  'nasnet::average_pool2d': pool('average'),
  'nasnet::max_pool2d': pool('maximum'),
  'aten::add.Tensor': addition,
  'aten::add_.Tensor': addition,
  'aten::relu': throughRelu,
  'aten::relu_': throughRelu,
  'aten::sum.dim_IntList': pixelSum,
  'aten::div.Scalar': division,
  'aten::flatten.using_ints': flatten,
  'aten::dropout': dropout,
  'aten::linear': linear,
};
