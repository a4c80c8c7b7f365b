// The layers of an operation of one's own as unknown JSON: checked one by one, and as a whole: they end with the cell's filters, and halve
// height and width where the stride is 2.

import { InputError } from '../failure.ts';
import type { OwnLayer } from './operations.ts';

/** What each kind of layer may have besides `layer`. */
const fields: Record<OwnLayer['layer'], readonly string[]> = {
  relu: [],
  convolution: ['name', 'channels', 'kernel', 'stride', 'dilation'],
  depthwise: ['name', 'kernel', 'stride', 'dilation'],
  'batch-norm': ['name'],
  'max-pool': ['kernel', 'stride'],
  'average-pool': ['kernel', 'stride'],
};
const optional = ['kernel', 'stride', 'dilation'];
const mostLayers = 64;
const largest = { kernel: 31, stride: 2, dilation: 16, channels: 4096, ofFilters: 16 };

/** @throws InputError such as `operations.mine.strided[0].kernel: expected a whole number from 1 to 31, or two, got 0` */
export function parseOwnLayers(value: unknown, stride: 1 | 2, where: string): OwnLayer[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostLayers)
    throw new InputError(
      `${where}: expected a list of 1 to ${mostLayers} layers, got ${JSON.stringify(value)?.slice(0, 60)}`,
    );
  const layers = value.map((each, index) => parseLayer(each, `${where}[${index}]`));
  const names = layers.flatMap((each) => ('name' in each ? [each.name] : []));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InputError(`${where}: expected each name once, got "${twice}" twice`);
  const channels = layers.flatMap((each) => (each.layer === 'convolution' ? [each.channels] : [])).at(-1);
  if (channels === undefined || typeof channels === 'number' || channels.ofFilters !== 1)
    throw new InputError(
      `${where}: expected its last convolution to give \`filters\` channels, got ${JSON.stringify(channels) ?? 'none'}`,
    );
  const shrunk = [0, 1].map((axis) =>
    layers.reduce((all, each) => all * sidesOf('stride' in each ? each.stride : 1)[axis]!, 1),
  );
  if (shrunk.some((factor) => factor !== stride))
    throw new InputError(
      `${where}: expected strides that come to ${stride} down and across, got ${shrunk.join(' and ')}`,
    );
  return layers;
}

const sidesOf = (value: number | readonly [number, number] | undefined) =>
  typeof value === 'object' ? value : [value ?? 1, value ?? 1];

function parseLayer(value: unknown, where: string): OwnLayer {
  const given = value as Record<string, unknown> | null;
  const kind = given?.layer;
  if (typeof kind !== 'string' || !Object.hasOwn(fields, kind))
    throw new InputError(
      `${where}.layer: expected one of ${Object.keys(fields).join(', ')}, got ${JSON.stringify(kind)}`,
    );
  const known = fields[kind as OwnLayer['layer']];
  for (const key of Object.keys(given!))
    if (key !== 'layer' && !known.includes(key))
      throw new InputError(`${where}.${key}: expected only ${['layer', ...known].join(', ')}, got this key`);
  const isPool = kind.endsWith('-pool');
  const entries = known.flatMap((field): [string, unknown][] => {
    const content = given![field];
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
    if (Object.keys(value).length === 1 && typeof share === 'number' && share > 0 && share <= largest.ofFilters)
      return { ofFilters: share };
    throw new InputError(
      `${where}: expected a share of the filters up to ${largest.ofFilters}, got ${JSON.stringify(value)}`,
    );
  }
  const most = largest[field as keyof typeof largest];
  const fits = (each: unknown) => Number.isInteger(each) && Number(each) >= 1 && Number(each) <= most;
  const pairs = !isPool && (field === 'kernel' || field === 'stride');
  if (fits(value)) return value;
  if (pairs && Array.isArray(value) && value.length === 2 && value.every(fits)) return [value[0], value[1]];
  throw new InputError(
    `${where}: expected a whole number from 1 to ${most}${pairs ? ', or two' : ''}, got ${JSON.stringify(value)}`,
  );
}
