// An ONNX graph as plain data, and its builder, which keeps names unique and records the shapes of values.
// network-graph.ts adds the nodes of a network, encode.ts writes the bytes.

import type { DataType } from './schema.ts';

/** Channels, height and width of an image, or the length of a vector; without the batch dimension. */
export type ValueShape = readonly number[];

export interface Value {
  readonly name: string;
  readonly shape: ValueShape;
  /** All dimensions, named where they vary, in place of the batch and `shape`. */
  readonly dimensions?: readonly (number | string)[];
  /** Default: float32. */
  readonly type?: DataType;
}

export interface Node {
  readonly operator: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Results behind the first. */
  readonly moreOutputs?: readonly string[];
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: DataType;
  /**
   * Computes the elements in row-major order, little endian. Called when they are written, so only one weight is in
   * memory at a time.
   */
  readonly bytes: () => Uint8Array;
}

export interface Graph {
  readonly input: Value;
  readonly moreInputs?: readonly Value[];
  readonly output: Value;
  readonly moreOutputs?: readonly Value[];
  readonly nodes: readonly Node[];
  readonly weights: readonly Weight[];
  /** The nodes' results except the output. */
  readonly values: readonly Value[];
}

export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly weights = new Map<string, Weight>();
  readonly #values = new Map<string, Value>();

  constructor(input: Value) {
    this.#values.set(input.name, input);
  }

  /**
   * Adds a node. The node and its result are called `name`, with a number appended if that name is in use.
   * @param inputs values, and names of weights
   * @param shape the shape of the result
   * @returns the result
   */
  node(
    operator: string,
    name: string,
    inputs: readonly (Value | string)[],
    shape: ValueShape,
    attributes: Node['attributes'] = {},
  ): Value {
    const output = { name: this.#unused(name), shape };
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name));
    this.nodes.push({ operator, name: output.name, inputs: names, output: output.name, attributes });
    this.#values.set(output.name, output);
    return output;
  }

  /** Adds a node with two results of unknown shape. Returns both. */
  pair(
    operator: string,
    name: string,
    inputs: readonly (Value | string)[],
    attributes: Node['attributes'] = {},
  ): [Value, Value] {
    const first = this.node(operator, name, inputs, [], attributes);
    const second = { name: this.#unused(`${name}.second`), shape: [] };
    this.#values.set(second.name, second);
    this.nodes.push({ ...this.nodes.pop()!, moreOutputs: [second.name] });
    return [first, second];
  }

  /** Returns the result of an earlier node by name. */
  value(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** Adds a float32 weight. Returns its name. @throws Error if the name is in use */
  weight(name: string, shape: readonly number[], bytes: () => Uint8Array): string {
    if (this.weights.has(name)) throw new Error(`onnx: two weights are called ${name}`);
    this.weights.set(name, { name, shape, type: 'float32', bytes });
    return name;
  }

  /** Adds a list of integers as a constant, unless there is an equal one. Returns its name. */
  integers(numbers: readonly number[]): string {
    const name = ['integers', ...numbers].join('_');
    const elements = BigInt64Array.from(numbers, BigInt);
    this.weights.set(name, {
      name,
      shape: [numbers.length],
      type: 'int64',
      bytes: () => new Uint8Array(elements.buffer),
    });
    return name;
  }

  /** Returns the graph with the output `result`, which no node reads, renamed to `name`. */
  finish(input: Value, result: Value, name: string): Graph {
    const nodes = this.nodes.map((node) => (node.output === result.name ? { ...node, output: name } : node));
    const values = [...this.#values.values()].filter((value) => value !== input && value !== result);
    return { input, output: { ...result, name }, nodes, weights: [...this.weights.values()], values };
  }

  #unused(name: string): string {
    let candidate = name;
    for (let number = 2; this.#values.has(candidate); number++) candidate = `${name}_${number}`;
    return candidate;
  }
}
