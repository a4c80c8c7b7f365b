// The part of ONNX's protobuf format that a network needs: messages, field numbers and types (facts of onnx.proto3, IR version 8).
// protobufjs encodes by this table; encode.ts fills it.

import protobuf from 'protobufjs/light.js';

const once = (type: string, id: number) => ({ type, id });
const list = (type: string, id: number) => ({ rule: 'repeated', type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: once('int64', 1),
        producerName: once('string', 2),
        producerVersion: once('string', 3),
        graph: once('Graph', 7),
        operatorSets: list('OperatorSet', 8),
        metadata: list('Entry', 14),
      },
    },
    OperatorSet: { fields: { domain: once('string', 1), version: once('int64', 2) } },
    Entry: { fields: { key: once('string', 1), value: once('string', 2) } },
    Graph: {
      fields: {
        nodes: list('Node', 1),
        name: once('string', 2),
        initializers: list('Tensor', 5),
        description: once('string', 10),
        inputs: list('Value', 11),
        outputs: list('Value', 12),
        values: list('Value', 13),
      },
    },
    Node: {
      fields: {
        inputs: list('string', 1),
        outputs: list('string', 2),
        name: once('string', 3),
        operator: once('string', 4),
        attributes: list('Attribute', 5),
      },
    },
    Attribute: {
      fields: {
        name: once('string', 1),
        float: once('float', 2),
        integer: once('int64', 3),
        integers: { ...list('int64', 8), options: { packed: false } },
        type: once('int32', 20),
      },
    },
    Tensor: {
      fields: {
        dimensions: { ...list('int64', 1), options: { packed: false } },
        dataType: once('int32', 2),
        name: once('string', 8),
        rawData: once('bytes', 9),
      },
    },
    Value: { fields: { name: once('string', 1), type: once('Type', 2) } },
    Type: { fields: { tensor: once('TensorType', 1) } },
    TensorType: { fields: { elementType: once('int32', 1), shape: once('TensorShape', 2) } },
    TensorShape: { fields: { dimensions: list('Dimension', 1) } },
    Dimension: { fields: { length: once('int64', 1), symbol: once('string', 2) } },
  },
});

export const messages = {
  model: root.lookupType('Model'),
  graph: root.lookupType('Graph'),
  tensor: root.lookupType('Tensor'),
};

/** Fields that encode.ts writes itself, because what they hold is too large to be handed over whole. */
export const fieldNumbers = {
  modelGraph: messages.model.fields.graph!.id,
  graphInitializers: messages.graph.fields.initializers!.id,
  tensorRawData: messages.tensor.fields.rawData!.id,
};

/** TensorProto.DataType */
export const dataTypes = { float32: 1, int64: 7 } as const;
/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, integer: 2, integers: 7 } as const;

export const irVersion = 8;
export const operatorSetVersion = 17;
