// Encodes a graph as the bytes of an ONNX file, part by part. The weights are read one by one as they are written, so a
// large network is not in memory twice. The lengths, which come first in the file, follow from the shapes alone.

import protobuf from 'protobufjs/light.js';
import { elementBytes } from '../../engine/tensor.ts';
import { InputError } from '../../failure.ts';
import type { Graph, Node, Value, Weight } from './graph.ts';
import { attributeTypes, dataTypes, fieldNumbers, irVersion, messages, operatorSetVersion } from './schema.ts';

/** The description of a file besides its graph. */
export interface ModelLabel {
  readonly name: string;
  readonly description: string;
  readonly producerVersion: string;
  /** Texts by key, for users of the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

const largestFile = 2 ** 31 - 1; // bytes; protobuf readers accept no larger file

/**
 * Encodes a graph.
 * @returns the size of the file in bytes, and its parts, which are computed as they are read
 * @throws InputError if the file would be larger than protobuf's limit of 2 GB
 */
export function encodeModel(graph: Graph, label: ModelLabel): { bytes: number; chunks: Iterable<Uint8Array> } {
  const model = messages.model.encode(modelMessage(label)).finish();
  const structure = messages.graph.encode(graphMessage(graph, label)).finish();
  const weights = graph.weights.map(weightHeader);
  const graphBytes = weights.reduce((sum, { header, elements }) => sum + header.length + elements, structure.length);
  const prefix = fieldPrefix(fieldNumbers.modelGraph, graphBytes);
  const bytes = model.length + prefix.length + graphBytes;
  if (bytes > largestFile) {
    throw new InputError(
      `the ONNX file: expected at most ${largestFile} bytes, protobuf's limit for ONNX, got ${bytes}`,
    );
  }
  return { bytes, chunks: parts([model, prefix, structure], weights) };
}

interface EncodedWeight {
  /** The bytes before the elements, starting with the graph's field prefix. */
  readonly header: Uint8Array;
  /** The number of bytes of the elements. */
  readonly elements: number;
  readonly weight: Weight;
}

function* parts(structure: readonly Uint8Array[], weights: readonly EncodedWeight[]): Generator<Uint8Array> {
  yield* structure;
  for (const { header, elements, weight } of weights) {
    const bytes = weight.bytes();
    if (bytes.length !== elements) {
      throw new Error(`onnx: ${weight.name}: expected ${elements} bytes, got ${bytes.length}`);
    }
    yield header;
    yield bytes;
  }
}

function weightHeader(weight: Weight): EncodedWeight {
  const { name, shape, type } = weight;
  const elements = shape.reduce((product, length) => product * length, elementBytes[type]);
  const message = { dimensions: shape, dataType: dataTypes[type], name };
  const start = messages.tensor.encode(message).finish();
  const rawData = fieldPrefix(fieldNumbers.tensorRawData, elements);
  const field = fieldPrefix(fieldNumbers.graphInitializers, start.length + rawData.length + elements);
  return { header: Buffer.concat([field, start, rawData]), elements, weight };
}

/** Returns the prefix of a field's bytes: its number with wire type 2, and the length. */
function fieldPrefix(field: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32((field << 3) | 2)
    .uint64(length)
    .finish();
}

function modelMessage({ producerVersion, metadata }: ModelLabel) {
  return {
    irVersion,
    producerName: 'nasnet',
    producerVersion,
    operatorSets: [{ domain: '', version: operatorSetVersion }],
    metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
}

function graphMessage(
  { nodes, input, moreInputs = [], output, moreOutputs = [], values }: Graph,
  { name, description }: ModelLabel,
) {
  return {
    name,
    description,
    nodes: nodes.map(nodeMessage),
    inputs: [input, ...moreInputs].map(valueMessage),
    outputs: [output, ...moreOutputs].map(valueMessage),
    values: values.map(valueMessage),
  };
}

function nodeMessage({ operator, name, inputs, output, moreOutputs = [], attributes }: Node) {
  return {
    operator,
    name,
    inputs,
    outputs: [output, ...moreOutputs],
    attributes: Object.entries(attributes).map(attributeMessage),
  };
}

/** In the operators that networks need, all other attributes are integers or lists of integers. */
const floatAttributes = ['epsilon', 'spatial_scale'];

function attributeMessage([name, value]: [string, number | readonly number[]]) {
  if (typeof value !== 'number') return { name, type: attributeTypes.integers, integers: value };
  if (floatAttributes.includes(name)) return { name, type: attributeTypes.float, float: value };
  return { name, type: attributeTypes.integer, integer: value };
}

function valueMessage({ name, shape, dimensions: all = ['batch', ...shape], type = 'float32' }: Value) {
  const dimensions = all.map((each) => (typeof each === 'string' ? { symbol: each } : { length: each }));
  return { name, type: { tensor: { elementType: dataTypes[type], shape: { dimensions } } } };
}
