// An operation of one's own as data: the calls that a function makes of a layer builder, written down. What it becomes depends on two
// numbers, the cell's filters and the stride, so it is asked with several of them and what differs is kept as a proportion of the filters.
// plan/plan-operation.ts lays the layers.

import { InputError } from '../failure.ts';
import type { OwnLayers } from './operations.ts';
import { parseOwnLayers } from './own-layers.ts';

/** What `layers` of defineOperation builds with; each call adds a layer. Convolutions have no bias: a batch norm follows each. */
export interface LayerBuilder {
  relu(): LayerBuilder;
  /** `kernel` and `stride` (default 1): a number, or down and across. Padding keeps ⌈size / stride⌉. */
  convolution(name: string, options: ConvolutionChoice & { channels: number }): LayerBuilder;
  /** One filter for each channel. */
  depthwise(name: string, options: ConvolutionChoice): LayerBuilder;
  /** Several in one operation need names. Default 'norm'. */
  batchNorm(name?: string): LayerBuilder;
  pool(kind: 'max-pool' | 'average-pool', kernel: number, stride: number): LayerBuilder;
}

export interface ConvolutionChoice {
  kernel?: number | readonly [vertical: number, horizontal: number];
  stride?: number | readonly [vertical: number, horizontal: number];
  dilation?: number;
}

export interface OperationSizes {
  /** f, the channels with which every operation must end. */
  readonly filters: number;
  /** 2 where a reduction cell reads its inputs: height and width must then be halved. */
  readonly stride: 1 | 2;
}

export interface OwnOperation {
  /** In drawings. */
  readonly label: string;
  /** Adds the operation's layers. It is called a few times with different sizes, and must make the same calls whatever the filters are. */
  layers(path: LayerBuilder, sizes: OperationSizes): LayerBuilder;
}

/** Divisible by whatever shares one takes of them. */
const probes = [240, 480, 1680];

/**
 * An operation of one's own for `defineSpace({ operations: { …, my_operation: defineOperation({ … }) } })`.
 * @returns it as plain JSON, which studies and model files store
 * @throws InputError where its calls depend on the filters in another way than in proportion, where it does not end with `filters`
 * channels, or keeps the height and width that the stride should halve
 */
export function defineOperation({ label, layers }: OwnOperation): OwnLayers {
  if (typeof label !== 'string' || label === '')
    throw new InputError(`label: expected a text for drawings, got ${JSON.stringify(label)}`);
  const recorded = (stride: 1 | 2) => {
    const runs = probes.map((filters) => ({ filters, calls: record(layers, { filters, stride }) }));
    return parseOwnLayers(unite(runs, stride), stride, `layers, stride ${stride}`);
  };
  return { kind: 'layers', label, normal: recorded(1), strided: recorded(2) };
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

/** One list of calls for all probes. */
function unite(runs: { filters: number; calls: Call[] }[], stride: 1 | 2): unknown[] {
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
    const united = call.channels === undefined || constant ? call : { ...call, channels: { ofFilters: share } };
    return JSON.parse(JSON.stringify(united));
  });
}
