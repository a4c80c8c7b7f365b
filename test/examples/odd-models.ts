// Classifiers as ONNX files that test the page's thread: one that computes for ever, and one that is too large for it.
// What nasnet exports has neither subgraphs nor such results, so this file writes the messages itself (onnx.proto3).

import protobuf from 'protobufjs/light.js';

type Field = readonly [number: number, value: string | number | Uint8Array];

/** Encodes a message: texts, bytes and messages by their length, numbers as varints. */
function message(...fields: Field[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const [number, value] of fields) {
    if (typeof value === 'number') writer.uint32(number << 3).int64(value);
    else writer.uint32((number << 3) | 2).bytes(typeof value === 'string' ? Buffer.from(value) : value);
  }
  return writer.finish();
}

const types = { float: 1, int64: 7, bool: 9 } as const;
type Type = keyof typeof types;

const value = (name: string, type: Type, shape: readonly number[]) =>
  message(
    [1, name],
    [
      2,
      message([1, message([1, types[type]], [2, message(...shape.map((length): Field => [1, message([1, length])]))])]),
    ],
  );

function tensor(name: string, elements: Float32Array | BigInt64Array, shape: readonly number[]): Uint8Array {
  const type = elements instanceof Float32Array ? types.float : types.int64;
  const bytes = new Uint8Array(elements.buffer);
  return message(...shape.map((length): Field => [1, length]), [2, type], [8, name], [9, bytes]);
}

const attributeKinds = { integer: [3, 2], graph: [6, 5] } as const; // field, AttributeProto.AttributeType

function node(operator: string, inputs: string[], outputs: string[], attribute?: [string, number | Uint8Array]) {
  const [field, type] = attributeKinds[typeof attribute?.[1] === 'number' ? 'integer' : 'graph'];
  return message(
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [4, operator],
    ...(attribute ? [[5, message([1, attribute[0]], [field, attribute[1]], [20, type])] as const] : []),
  );
}

interface Parts {
  nodes: Uint8Array[];
  tensors?: Uint8Array[];
  inputs: Uint8Array[];
  outputs: Uint8Array[];
}

const graph = ({ nodes, tensors = [], inputs, outputs }: Parts) =>
  message(
    ...nodes.map((each): Field => [1, each]),
    [2, 'graph'],
    ...tensors.map((each): Field => [5, each]),
    ...inputs.map((each): Field => [11, each]),
    ...outputs.map((each): Field => [12, each]),
  );

/** A classifier of pictures of 2 × 2 pixels from 0 to 1. Its nodes make `logits` [1, 2] of the pixels' `mean` []. */
function classifier(nodes: Uint8Array[], tensors: Uint8Array[]): Uint8Array {
  const preprocessing = {
    ...{ mean: [0, 0, 0], deviation: [255, 255, 255] },
    ...{ centralFraction: 1, aspect: 'stretch', interpolation: 'bilinear' },
  };
  const metadata = {
    classes: JSON.stringify(['dark', 'bright']),
    preprocessing: JSON.stringify(preprocessing),
    network: JSON.stringify({ input: [2, 2] }),
    origin: 'made by a test',
  };
  return message(
    [1, 8],
    [8, message([1, ''], [2, 17])],
    [
      7,
      graph({
        nodes: [node('ReduceMean', ['images'], ['mean'], ['keepdims', 0]), ...nodes],
        tensors: [tensor('start', Float32Array.of(2, 1), [1, 2]), ...tensors],
        inputs: [value('images', 'float', [1, 3, 2, 2])],
        outputs: [value('logits', 'float', [1, 2])],
      }),
    ],
    ...Object.entries(metadata).map(([key, text]): Field => [14, message([1, key], [2, text])]),
  );
}

/** Answers at once for dark pictures; for bright ones it adds zeros for some years. */
export function endlessModel(): Uint8Array {
  const body = graph({
    nodes: [node('Identity', ['condition'], ['goes on']), node('Add', ['state', 'zeros'], ['next'])],
    inputs: [value('iteration', 'int64', []), value('condition', 'bool', []), value('state', 'float', [1, 2])],
    outputs: [value('goes on', 'bool', []), value('next', 'float', [1, 2])],
  });
  return classifier(
    [
      node('Greater', ['mean', 'half'], ['is bright']),
      node('Cast', ['is bright'], ['one'], ['to', types.int64]),
      node('Mul', ['one', 'many'], ['times']),
      node('Loop', ['times', '', 'start'], ['logits'], ['body', body]),
    ],
    [
      tensor('half', Float32Array.of(0.5), []),
      tensor('many', BigInt64Array.of(10n ** 15n), []),
      tensor('zeros', Float32Array.of(0, 0), [1, 2]),
    ],
  );
}

/** Needs almost 4 GB for one result, which is what WebAssembly has for all. */
export function largeModel(): Uint8Array {
  return classifier(
    [
      node('Expand', ['mean', 'shape'], ['large']),
      node('ReduceMax', ['large'], ['largest'], ['keepdims', 0]),
      node('Add', ['start', 'largest'], ['logits']),
    ],
    [tensor('shape', BigInt64Array.of(2n ** 30n - 2n ** 20n), [1])],
  );
}
