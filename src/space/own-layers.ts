// Parses the layers of a custom operation from unknown JSON. Checks each layer, and that together they end with the
// cell's filters and divide height and width by the stride.

import { InputError } from '../failure.ts';
import type { OwnLayer } from './operations.ts';

/** The fields of each kind of layer besides `layer`. */
const fields: Record<OwnLayer['layer'], readonly string[]> = {
  relu: [],
  convolution: ['name', 'channels', 'kernel', 'stride', 'dilation'],
  depthwise: ['name', 'kernel', 'stride', 'dilation'],
  'batch-norm': ['name'],
  'max-pool': ['kernel', 'stride'],
  'average-pool': ['kernel', 'stride'],
};
const optional = ['kernel', 'stride', 'dilation'];
const maxLayers = 64;
const maxima = { kernel: 31, stride: 2, dilation: 16, channels: 4096, ofFilters: 16 };

/**
 * Parses the layers for one stride.
 * @param where the place of the value, put in front of every message
 * @throws InputError such as `operations.mine.strided[0].kernel: expected a whole number from 1 to 31, or two, got 0`
 */
export function parseOwnLayers(value: unknown, stride: 1 | 2, where: string): OwnLayer[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxLayers)
    throw new InputError(
      `${where}: expected a list of 1 to ${maxLayers} layers, got ${JSON.stringify(value)?.slice(0, 60)}`,
    );
  const layers = value.map((layer, index) => parseLayer(layer, `${where}[${index}]`));
  const names = layers.flatMap((layer) => ('name' in layer ? [layer.name] : []));
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw new InputError(`${where}: expected each name once, got "${duplicate}" twice`);
  const channels = layers.flatMap((layer) => (layer.layer === 'convolution' ? [layer.channels] : [])).at(-1);
  if (channels === undefined || typeof channels === 'number' || channels.ofFilters !== 1)
    throw new InputError(
      `${where}: expected its last convolution to give \`filters\` channels, got ${JSON.stringify(channels) ?? 'none'}`,
    );
  const strides = [0, 1].map((axis) =>
    layers.reduce((all, layer) => all * sidesOf('stride' in layer ? layer.stride : 1)[axis]!, 1),
  );
  if (strides.some((factor) => factor !== stride))
    throw new InputError(
      `${where}: expected strides whose product is ${stride} vertically and horizontally, got ${strides.join(' and ')}`,
    );
  return layers;
}

const sidesOf = (value: number | readonly [number, number] | undefined) =>
  typeof value === 'object' ? value : [value ?? 1, value ?? 1];

function parseLayer(value: unknown, where: string): OwnLayer {
  const entry = value as Record<string, unknown> | null;
  const kind = entry?.layer;
  if (typeof kind !== 'string' || !Object.hasOwn(fields, kind))
    throw new InputError(
      `${where}.layer: expected one of ${Object.keys(fields).join(', ')}, got ${JSON.stringify(kind)}`,
    );
  const known = fields[kind as OwnLayer['layer']];
  for (const key of Object.keys(entry!))
    if (key !== 'layer' && !known.includes(key))
      throw new InputError(`${where}.${key}: expected only ${['layer', ...known].join(', ')}, got this key`);
  const isPool = kind.endsWith('-pool');
  const entries = known.flatMap((field): [string, unknown][] => {
    const content = entry![field];
    if (content === undefined && optional.includes(field) && !isPool) return [];
    return [[field, parseField(field, content, isPool, `${where}.${field}`)]];
  });
  return Object.fromEntries([['layer', kind], ...entries]) as OwnLayer;
}

function parseField(field: string, value: unknown, isPool: boolean, where: string): unknown {
  if (field === 'name') {
    if (typeof value === 'string' && /^[a-z][a-z0-9_]*$/i.test(value)) return value;
    throw new InputError(`${where}: expected letters, digits and _, got ${JSON.stringify(value)}`);
  }
  if (field === 'channels' && typeof value === 'object' && value !== null) {
    const share = (value as { ofFilters?: unknown }).ofFilters;
    if (Object.keys(value).length === 1 && typeof share === 'number' && share > 0 && share <= maxima.ofFilters)
      return { ofFilters: share };
    throw new InputError(
      `${where}: expected a share of the filters up to ${maxima.ofFilters}, got ${JSON.stringify(value)}`,
    );
  }
  const maximum = maxima[field as keyof typeof maxima];
  const fits = (size: unknown) => Number.isInteger(size) && Number(size) >= 1 && Number(size) <= maximum;
  const pairs = !isPool && (field === 'kernel' || field === 'stride');
  if (fits(value)) return value;
  if (pairs && Array.isArray(value) && value.length === 2 && value.every(fits)) return [value[0], value[1]];
  throw new InputError(
    `${where}: expected a whole number from 1 to ${maximum}${pairs ? ', or two' : ''}, got ${JSON.stringify(value)}`,
  );
}
