// Decodes a protobuf file by its wire format and the field numbers of ONNX's published schema, independently of
// src/export.

export type Field = number | Uint8Array;

/**
 * Returns the fields of a message by number, each with all its values: numbers, or the bytes of texts, lists and
 * messages.
 */
export function fields(bytes: Uint8Array): Map<number, Field[]> {
  const values = new Map<number, Field[]>();
  let at = 0;
  const variable = () => {
    let [value, factor] = [0, 1];
    for (let byte = 0x80; byte & 0x80; factor *= 128) {
      byte = bytes[at++]!;
      value += (byte & 0x7f) * factor;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = variable();
    const kind = tag & 7;
    if (kind !== 0 && kind !== 2) throw new Error(`wire type ${kind} at byte ${at}`);
    let value: Field = variable();
    if (kind === 2) {
      value = bytes.subarray(at, at + value);
      at += value.length;
    }
    const number = tag >> 3;
    values.set(number, [...(values.get(number) ?? []), value]);
  }
  if (at !== bytes.length) throw new Error(`a message of ${bytes.length} bytes ends at ${at}`);
  return values;
}

export const text = (field: Field | undefined) => Buffer.from(field as Uint8Array).toString();

export interface WireNode {
  name: string;
  operator: string;
  inputs: string[];
  outputs: string[];
}

export interface WireModel {
  irVersion: number;
  opset: number;
  producer: string[];
  metadata: Record<string, string>;
  nodes: WireNode[];
  weights: { name: string; dataType: number; bytes: Uint8Array }[];
}

/** Reads the parts of ModelProto, GraphProto, NodeProto and TensorProto that the tests need. */
export function readModel(bytes: Uint8Array): WireModel {
  const model = fields(bytes);
  const graph = fields(model.get(7)![0] as Uint8Array);
  const within = (list: Field[] | undefined) => (list ?? []).map((part) => fields(part as Uint8Array));
  return {
    irVersion: model.get(1)![0] as number,
    opset: within(model.get(8))[0]!.get(2)![0] as number,
    producer: [text(model.get(2)![0]), text(model.get(3)![0])],
    metadata: Object.fromEntries(
      within(model.get(14)).map((entry) => [text(entry.get(1)![0]), text(entry.get(2)![0])]),
    ),
    nodes: within(graph.get(1)).map((node) => ({
      name: text(node.get(3)![0]),
      operator: text(node.get(4)![0]),
      inputs: node.get(1)!.map(text),
      outputs: node.get(2)!.map(text),
    })),
    weights: within(graph.get(5)).map((weight) => ({
      name: text(weight.get(8)![0]),
      dataType: weight.get(2)![0] as number,
      bytes: weight.get(9)![0] as Uint8Array,
    })),
  };
}
