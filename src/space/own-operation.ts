// A custom operation as data: a record of the calls that a function makes to a layer builder. The calls depend on the
// cell's filters and the stride, so the function is called for several numbers of filters, and channels that differ
// become a multiple of the filters.
// plan/plan-operation.ts turns the record into layers.

import { InputError } from '../failure.ts';
import type { OwnLayers } from './operations.ts';
import { parseOwnLayers } from './own-layers.ts';

/**
 * The builder that defineOperation passes to `layers`; each call adds a layer. Convolutions have no bias: add a batch
 * norm after each.
 */
export interface LayerBuilder {
  relu(): LayerBuilder;
  /**
   * `kernel` and `stride` (default 1) are a number, or vertical and horizontal. The result has ⌈size / stride⌉ pixels
   * (SAME padding).
   */
  convolution(name: string, options: ConvolutionChoice & { channels: number }): LayerBuilder;
  /** One filter for each channel. */
  depthwise(name: string, options: ConvolutionChoice): LayerBuilder;
  /** Give names if one operation has several. Default 'norm'. */
  batchNorm(name?: string): LayerBuilder;
  pool(kind: 'max-pool' | 'average-pool', kernel: number, stride: number): LayerBuilder;
}

export interface ConvolutionChoice {
  kernel?: number | readonly [vertical: number, horizontal: number];
  stride?: number | readonly [vertical: number, horizontal: number];
  dilation?: number;
}

export interface OperationSizes {
  /** f, the number of output channels that every operation must have. */
  readonly filters: number;
  /** 2 if a reduction cell applies the operation to its inputs: it must then halve height and width. */
  readonly stride: 1 | 2;
}

export interface OwnOperation {
  /** The label in drawings. */
  readonly label: string;
  /**
   * Adds the operation's layers. It is called several times with different sizes and must make the same calls for all
   * filters.
   */
  layers(path: LayerBuilder, sizes: OperationSizes): LayerBuilder;
}

/** Numbers of filters to call `layers` with; divisible by many numbers, so that fractions of them are whole. */
const probes = [240, 480, 1680];

/**
 * Defines a custom operation for `defineSpace({ operations: { …, my_operation: defineOperation({ … }) } })`.
 * @returns the operation as plain JSON, which studies and model files store
 * @throws InputError if its channels are neither constant nor proportional to the filters, if it does not end with
 *   `filters` channels, or if its strides do not multiply to `stride`
 */
export function defineOperation({ label, layers }: OwnOperation): OwnLayers {
  if (typeof label !== 'string' || label === '')
    throw new InputError(`label: expected a text for drawings, got ${JSON.stringify(label)}`);
  const layersOf = (stride: 1 | 2) => {
    const runs = probes.map((filters) => ({ filters, calls: record(layers, { filters, stride }) }));
    return parseOwnLayers(merge(runs, stride), stride, `layers, stride ${stride}`);
  };
  return { kind: 'layers', label, normal: layersOf(1), strided: layersOf(2) };
}

type Call = Record<string, unknown> & { layer: string };

function record(layers: OwnOperation['layers'], sizes: OperationSizes): Call[] {
  const calls: Call[] = [];
  const add = (call: Call): LayerBuilder => {
    calls.push(call);
    return path;
  };
  const path: LayerBuilder = {
    relu: () => add({ layer: 'relu' }),
    convolution: (name, options) => add({ layer: 'convolution', name, ...options }),
    depthwise: (name, options) => add({ layer: 'depthwise', name, ...options }),
    batchNorm: (name = 'norm') => add({ layer: 'batch-norm', name }),
    pool: (kind, kernel, stride) => add({ layer: kind, kernel, stride }),
  };
  layers(path, sizes);
  return calls;
}

/** Merges the calls of all probes into one list. */
function merge(runs: { filters: number; calls: Call[] }[], stride: 1 | 2): unknown[] {
  const [first, ...others] = runs as [(typeof runs)[number], ...typeof runs];
  return first.calls.map((call, index) => {
    const where = `layers, stride ${stride}[${index}]`;
    const channels = (calls: Call | undefined) => Number(calls?.channels);
    const share = channels(call) / first.filters;
    for (const { filters, calls } of others) {
      const other = calls[index];
      const { channels: mine, ...rest } = call;
      const { channels: theirs, ...otherRest } = (other ?? {}) as Partial<Call>;
      if (calls.length !== first.calls.length || JSON.stringify(rest) !== JSON.stringify(otherRest))
        throw new InputError(`${where}: expected the same calls whatever the filters are`);
      if (mine !== theirs && Math.abs(channels(other) / filters - share) > 1e-9)
        throw new InputError(`${where}.channels: expected a number, or one in proportion to the filters`);
    }
    const constant = others.every(({ calls }) => calls[index]?.channels === call.channels);
    const merged = call.channels === undefined || constant ? call : { ...call, channels: { ofFilters: share } };
    return JSON.parse(JSON.stringify(merged));
  });
}
