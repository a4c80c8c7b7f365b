// Turns a float32 graph into one of 8 bits, in the standard form QDQ: before each operator that computes with 8 bits
// stand QuantizeLinear and DequantizeLinear of its inputs and after it those of its result, which runtimes fuse into
// one integer operator. The operators stay those of the float32 graph; runtimes that fuse nothing compute the same in
// float32.

import type { Graph, Node, Value, Weight } from '../graph.ts';
import type { DataType } from '../schema.ts';
import { type Range, type Scale, scaleOf } from './ranges.ts';
import { leastScales, quantiseBias, quantiseWeight } from './weights.ts';

/** Operators with weights: their first input and their result in 8 bits, their bias in 32. */
const weighted = ['Conv', 'Gemm'];
/** Operators whose every number is one of their input's, so that their result has the input's scale. */
const choosing = ['MaxPool', 'Slice', 'Flatten'];
const integer = [...weighted, ...choosing, 'Add', 'Concat', 'AveragePool', 'GlobalAveragePool', 'Relu'];

export interface QuantisationOptions {
  /** The largest weight: 127 for 8 bits, 63 for 7. */
  largestWeight: number;
}

/** Decides which nodes of a graph are computed in 8 bits. */
class Parts {
  readonly #weights: Set<string>;
  readonly #producers: Map<string, Node>;
  readonly #readers = new Map<string, Node[]>();
  readonly #output: string;

  constructor({ nodes, weights, output }: Graph) {
    this.#weights = new Set(weights.map(({ name }) => name));
    this.#producers = new Map(nodes.map((node) => [node.output, node]));
    this.#output = output.name;
    for (const node of nodes)
      for (const name of node.inputs) this.#readers.set(name, [...(this.#readers.get(name) ?? []), node]);
  }

  /**
   * Whether a node computes with 8 bits: not sums and products with a weight, which are norms that no convolution
   * absorbs.
   */
  isInteger(node: Node): boolean {
    if (!integer.includes(node.operator)) return false;
    return (
      weighted.includes(node.operator) ||
      node.operator === 'Slice' ||
      !node.inputs.some((name) => this.#weights.has(name))
    );
  }

  /** Returns the inputs of a node that are no weights. */
  valuesOf(node: Node): string[] {
    return node.inputs.filter((name) => !this.#weights.has(name));
  }

  /**
   * Whether a value is stored in 8 bits: all that such operators read and write, except the logits and what only a ReLU
   * reads, since runtimes compute the ReLU as part of the operator before it.
   */
  isStored(name: string): boolean {
    if (name === this.#output) return false;
    const [producer, readers] = [this.#producers.get(name), this.#readers.get(name) ?? []];
    if (producer && readers.every(({ operator }) => operator === 'Relu')) return false;
    return [producer, ...readers].some((node) => node && this.isInteger(node));
  }

  /** Returns the value whose scale a stored value has: itself, or what a maximum was chosen from. */
  scaledAs(name: string): string {
    const producer = this.#producers.get(name);
    if (!producer || !choosing.includes(producer.operator)) return name;
    const [source] = this.valuesOf(producer);
    return this.isStored(source!) ? this.scaledAs(source!) : name;
  }
}

/** Returns the values whose ranges `quantiseGraph` needs. */
export function calibratedValues(graph: Graph): Value[] {
  const parts = new Parts(graph);
  const values = [graph.input, ...graph.values].filter(({ name }) => parts.isStored(name));
  return values.filter(({ name }) => parts.scaledAs(name) === name);
}

/** Returns the graph in 8 bits. @param ranges of the calibrated values by name */
export function quantiseGraph(graph: Graph, ranges: ReadonlyMap<string, Range>, options: QuantisationOptions): Graph {
  return new Quantisation(graph, ranges, options).graph();
}

class Quantisation {
  readonly #source: Graph;
  readonly #parts: Parts;
  readonly #ranges: ReadonlyMap<string, Range>;
  readonly #largestWeight: number;
  readonly #floats: Map<string, Weight>;
  readonly #shapes: Map<string, Value>;
  readonly #nodes: Node[] = [];
  readonly #weights: Weight[] = [];
  readonly #values: Value[] = [];
  /** The dequantised name of each stored value. */
  readonly #dequantised = new Map<string, string>();

  constructor(graph: Graph, ranges: ReadonlyMap<string, Range>, { largestWeight }: QuantisationOptions) {
    this.#source = graph;
    this.#parts = new Parts(graph);
    this.#ranges = ranges;
    this.#largestWeight = largestWeight;
    this.#floats = new Map(graph.weights.map((weight) => [weight.name, weight]));
    this.#shapes = new Map([graph.input, ...graph.values, graph.output].map((value) => [value.name, value]));
  }

  graph(): Graph {
    const { input, output, nodes } = this.#source;
    this.#store(input.name);
    for (const node of nodes) {
      const inputs = node.inputs.map((name) => this.#dequantised.get(name) ?? name);
      this.#nodes.push({ ...node, inputs: weighted.includes(node.operator) ? this.#weigh(node, inputs) : inputs });
      this.#store(node.output);
    }
    const read = new Set(this.#nodes.flatMap((node) => node.inputs));
    const left = [...this.#floats.values()].filter(({ name }) => read.has(name));
    const values = [...this.#source.values, ...this.#values];
    return { input, output, nodes: this.#nodes, weights: [...left, ...this.#weights], values };
  }

  /** Stores a value in 8 bits, if it is to be. */
  #store(name: string): void {
    if (!this.#parts.isStored(name)) return;
    const { shape } = this.#shapes.get(name)!;
    const { scale, zeroPoint } = this.#scale(name);
    const quantised = `${name}.quantised`;
    const parameters = [
      this.#constant(`${quantised}.scale`, 'float32', [], Float32Array.of(scale)),
      this.#constant(`${quantised}.zero_point`, 'uint8', [], Uint8Array.of(zeroPoint)),
    ];
    this.#add('QuantizeLinear', quantised, [name, ...parameters], { name: quantised, shape, type: 'uint8' });
    const dequantised = `${name}.dequantised`;
    this.#add('DequantizeLinear', dequantised, [quantised, ...parameters], { name: dequantised, shape });
    this.#dequantised.set(name, dequantised);
  }

  #scale(name: string): Scale {
    return scaleOf(this.#ranges.get(this.#parts.scaledAs(name))!);
  }

  /** Returns the inputs of a convolution or product whose weights are in 8 bits. */
  #weigh(node: Node, [input, weight, bias]: readonly string[]): string[] {
    const { scale } = this.#scale(node.inputs[0]!);
    const { shape, bytes } = this.#floats.get(weight!)!;
    const outputs = shape[0]!;
    const biases = bias === undefined ? new Float32Array(outputs) : floatsOf(this.#floats.get(bias)!);
    const { values, scales } = quantiseWeight(
      floatsOf({ bytes }),
      outputs,
      this.#largestWeight,
      leastScales(biases, scale),
    );
    const own = this.#channelwise(weight!, shape, 'int8', values, scales);
    if (bias === undefined) return [input!, own];
    const sumScales = scales.map((each) => each * scale);
    return [input!, own, this.#channelwise(bias, [outputs], 'int32', quantiseBias(biases, scales, scale), sumScales)];
  }

  /** Adds integers with a scale per output channel, and their DequantizeLinear. Returns its result. */
  #channelwise(
    name: string,
    shape: readonly number[],
    type: DataType,
    values: Int8Array | Int32Array,
    scales: Float32Array,
  ): string {
    const zeros = type === 'int8' ? new Int8Array(scales.length) : new Int32Array(scales.length);
    const inputs = [
      this.#constant(name, type, shape, values),
      this.#constant(`${name}.scale`, 'float32', [scales.length], scales),
      this.#constant(`${name}.zero_point`, type, [scales.length], zeros),
    ];
    const dequantised = `${name}.dequantised`;
    this.#add(
      'DequantizeLinear',
      dequantised,
      inputs,
      { name: dequantised, shape: [], dimensions: shape },
      { axis: 0 },
    );
    return dequantised;
  }

  #add(operator: string, name: string, inputs: string[], value: Value, attributes: Node['attributes'] = {}): void {
    this.#nodes.push({ operator, name, inputs, output: name, attributes });
    this.#values.push(value);
  }

  #constant(
    name: string,
    type: DataType,
    shape: readonly number[],
    elements: Uint8Array | Int8Array | Int32Array | Float32Array,
  ): string {
    this.#floats.delete(name); // it takes the place of the float32 weight of this name
    this.#weights.push({
      name,
      shape,
      type,
      bytes: () => new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength),
    });
    return name;
  }
}

function floatsOf({ bytes }: Pick<Weight, 'bytes'>): Float32Array {
  const own = bytes();
  return new Float32Array(own.buffer.slice(own.byteOffset, own.byteOffset + own.byteLength));
}
