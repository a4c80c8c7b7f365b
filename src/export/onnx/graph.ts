// An ONNX graph as plain data, and the builder that a network is walked with: it keeps names unique and shapes beside values.
// Which nodes a network becomes is network-graph.ts's affair; bytes are encode.ts's.

/** Channels, height, width of an image, or the length of a vector; the batch stands before them. */
export type ValueShape = readonly number[];

export interface Value {
  readonly name: string;
  readonly shape: ValueShape;
}

export interface Node {
  readonly operator: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: 'float32' | 'int64';
  /** Computes the elements in row-major order, little endian: called when they are written, so that one is in memory at a time. */
  readonly bytes: () => Uint8Array;
}

export interface Graph {
  readonly input: Value;
  readonly output: Value;
  readonly nodes: readonly Node[];
  readonly weights: readonly Weight[];
  /** What the nodes compute but for the output. */
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
   * Adds a node that is called as its result is: by `name`, or with a number behind it where that is taken.
   * @param inputs values, and names of weights
   * @param shape of the result
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

  /** The result of an earlier node, by name. */
  value(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** Adds float32 elements under a name of their own. Returns the name. */
  weight(name: string, shape: readonly number[], bytes: () => Uint8Array): string {
    if (this.weights.has(name)) throw new Error(`onnx: the name ${name} is given twice`);
    this.weights.set(name, { name, shape, type: 'float32', bytes });
    return name;
  }

  /** A list of whole numbers as a constant, once for all who ask for the same ones. Returns its name. */
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

  /** The graph whose result is `result`, which no node reads, under the name that its users are to know it by. */
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
