// The part of ONNX's protobuf format that a network needs: messages, field numbers and types (from onnx.proto3, IR
// version 8).
// encode.ts encodes messages by this schema with protobufjs.

import protobuf from 'protobufjs/light.js';

const single = (type: string, id: number) => ({ type, id });
const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: single('int64', 1),
        producerName: single('string', 2),
        producerVersion: single('string', 3),
        graph: single('Graph', 7),
        operatorSets: repeated('OperatorSet', 8),
        metadata: repeated('Entry', 14),
      },
    },
    OperatorSet: { fields: { domain: single('string', 1), version: single('int64', 2) } },
    Entry: { fields: { key: single('string', 1), value: single('string', 2) } },
    Graph: {
      fields: {
        nodes: repeated('Node', 1),
        name: single('string', 2),
        initializers: repeated('Tensor', 5),
        description: single('string', 10),
        inputs: repeated('Value', 11),
        outputs: repeated('Value', 12),
        values: repeated('Value', 13),
      },
    },
    Node: {
      fields: {
        inputs: repeated('string', 1),
        outputs: repeated('string', 2),
        name: single('string', 3),
        operator: single('string', 4),
        attributes: repeated('Attribute', 5),
      },
    },
    Attribute: {
      fields: {
        name: single('string', 1),
        float: single('float', 2),
        integer: single('int64', 3),
        integers: { ...repeated('int64', 8), options: { packed: false } },
        type: single('int32', 20),
      },
    },
    Tensor: {
      fields: {
        dimensions: { ...repeated('int64', 1), options: { packed: false } },
        dataType: single('int32', 2),
        name: single('string', 8),
        rawData: single('bytes', 9),
      },
    },
    Value: { fields: { name: single('string', 1), type: single('Type', 2) } },
    Type: { fields: { tensor: single('TensorType', 1) } },
    TensorType: { fields: { elementType: single('int32', 1), shape: single('TensorShape', 2) } },
    TensorShape: { fields: { dimensions: repeated('Dimension', 1) } },
    Dimension: { fields: { length: single('int64', 1), symbol: single('string', 2) } },
  },
});

export const messages = {
  model: root.lookupType('Model'),
  graph: root.lookupType('Graph'),
  tensor: root.lookupType('Tensor'),
};

/** The fields that encode.ts writes itself, because their content is too large to be in memory at once. */
export const fieldNumbers = {
  modelGraph: messages.model.fields.graph!.id,
  graphInitializers: messages.graph.fields.initializers!.id,
  tensorRawData: messages.tensor.fields.rawData!.id,
};

/** TensorProto.DataType */
export const dataTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type DataType = keyof typeof dataTypes;
/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, integer: 2, integers: 7 } as const;

export const irVersion = 8;
export const operatorSetVersion = 17;
