// Defines what the pickle of a state dict may contain, and finds the tensors in it. Their elements are outside the
// pickle; pth.ts locates them.

import type { DType } from '../engine/tensor.ts';
import { type Global, GlobalValue, type Pickled, PickleError, type PickleTable } from './pickle.ts';
import { chooseWrapper } from './wrappers.ts';

/** Elements of one dtype outside the pickle. */
export class Storage {
  readonly dtype: DType;
  readonly key: string;
  /** The number of elements. */
  readonly length: number;

  constructor(dtype: DType, key: string, length: number) {
    this.dtype = dtype;
    this.key = key;
    this.length = length;
  }
}

/** A tensor as a view of a storage. Offset and strides are in elements; the view does not exceed the storage. */
export class StorageView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }

  /** The number of elements from the first to the last, inclusive; 0 for an empty tensor. */
  get extent(): number {
    if (this.shape.includes(0)) return 0;
    return this.shape.reduce((sum, size, axis) => sum + (size - 1) * this.strides[axis]!, 1);
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const areCounts = (values: unknown): values is number[] => Array.isArray(values) && values.every(isCount);
const isPair = (pair: unknown): pair is [unknown, unknown] => Array.isArray(pair) && pair.length === 2;

const maxDimensions = 64; // the limit of libtorch's operators
const maxRepeatedElements = 2 ** 28;

/** Whether strides of 0 repeat a few elements so often that the tensor would not fit into a small memory. */
function isTooLarge({ storage, shape }: StorageView): boolean {
  const elements = shape.reduce((product, size) => product * size, 1);
  return elements > storage.length && elements > maxRepeatedElements;
}

function rebuildTensor([storage, offset, shape, strides]: Pickled[]): StorageView {
  if (storage instanceof Storage && isCount(offset) && areCounts(shape) && areCounts(strides)) {
    const view = new StorageView(storage, offset, shape, strides);
    const fits = shape.length === strides.length && view.extent <= storage.length - offset;
    if (fits && shape.length <= maxDimensions && !isTooLarge(view)) return view;
  }
  throw new PickleError('a damaged tensor');
}

/** Python 2 passes the pairs as a list; Python 3 constructs an empty dictionary and sets the items. */
function orderedDict([pairs]: Pickled[]): Map<unknown, unknown> {
  if (pairs === undefined) return new Map();
  if (Array.isArray(pairs) && pairs.every(isPair)) return new Map(pairs);
  throw new PickleError('a damaged dictionary');
}

/** The dtypes of the storage types, such as torch.FloatStorage. */
const storageTypes: Readonly<Record<string, DType>> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

/** All names that a pickle may use. */
const allowedGlobals = new Map<string, Global>([
  ['collections.OrderedDict', { construct: orderedDict }],
  ['torch._utils._rebuild_tensor', { construct: rebuildTensor }], // before PyTorch 0.4
  ['torch._utils._rebuild_tensor_v2', { construct: rebuildTensor }],
  ['torch._utils._rebuild_parameter', { construct: ([tensor]) => tensor }],
  ...Object.entries(storageTypes).map(([name, constant]): [string, Global] => [`torch.${name}`, { constant }]),
]);

/**
 * Returns the table for one pickle.
 * @param onStorage called with each storage that the pickle refers to
 */
export function stateDictTable(onStorage: (storage: Storage) => void): PickleTable {
  return {
    global: (name) => {
      const global = allowedGlobals.get(name);
      if (global) return global;
      throw new PickleError(`one that refers to ${name}, which is not run: save only model.state_dict()`);
    },
    // ('storage', type, key, location, length); a legacy file adds the storage that this one is part of, undefined for
    // tensors.
    persistent: (id) => {
      const [word, type, key, , length, partOf] = Array.isArray(id) ? id : [];
      const dtype = type instanceof GlobalValue ? (type.global.constant as DType | undefined) : undefined;
      if (word === 'storage' && dtype && typeof key === 'string' && isCount(length) && partOf === undefined) {
        const storage = new Storage(dtype, key, length);
        onStorage(storage);
        return storage;
      }
      throw new PickleError('one that stores something other than tensors');
    },
  };
}

export interface StateDict {
  readonly tensors: ReadonlyMap<string, StorageView>;
  /** Names of other contents of a checkpoint: `optimizer`, `epoch` … */
  readonly others: readonly string[];
}

/** Returns the state dict of a pickle, also inside the wrappers of wrappers.ts; undefined if there is none. */
export function findStateDict(value: Pickled): StateDict | undefined {
  return value instanceof Map ? findWithin(value, new Set()) : undefined;
}

function findWithin(dictionary: Map<unknown, unknown>, entered: Set<unknown>): StateDict | undefined {
  if (entered.has(dictionary)) return undefined; // a dictionary may contain itself
  entered.add(dictionary);
  const entries = textEntries(dictionary);
  let dictionaries = entries.filter(([, value]) => value instanceof Map).map(([name]) => name);
  for (let choice = chooseWrapper(dictionaries); choice; choice = chooseWrapper(dictionaries)) {
    const { chosen } = choice;
    const inner = findWithin(dictionary.get(chosen) as Map<unknown, unknown>, entered);
    if (inner) return { tensors: inner.tensors, others: [...inner.others, ...otherNames(entries, chosen)] };
    dictionaries = dictionaries.filter((name) => name !== chosen);
  }
  const tensors = new Map(entries.filter((entry): entry is [string, StorageView] => entry[1] instanceof StorageView));
  return tensors.size === 0 ? undefined : { tensors, others: otherNames(entries) };
}

const otherNames = (entries: readonly (readonly [string, unknown])[], wrapper?: string): string[] =>
  entries.filter(([name, value]) => name !== wrapper && !(value instanceof StorageView)).map(([name]) => name);

/** Returns a dictionary's entries whose keys are text. */
const textEntries = (dictionary: Map<unknown, unknown>) =>
  [...dictionary].filter((entry): entry is [string, unknown] => typeof entry[0] === 'string');
