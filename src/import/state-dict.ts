// What the pickle of a state dict may consist of, and the tensors it describes. Their elements lie outside the pickle: pth.ts
// knows where.

import type { DType } from '../engine/tensor.ts';
import { type Named, NamedValue, type Pickled, PickleError, type PickleTable } from './pickle.ts';
import { chooseWrapper } from './wrappers.ts';

/** Elements of one dtype that a file holds beside its pickle. */
export class Storage {
  readonly dtype: DType;
  readonly key: string;
  /** Elements. */
  readonly length: number;

  constructor(dtype: DType, key: string, length: number) {
    this.dtype = dtype;
    this.key = key;
    this.length = length;
  }
}

/** A tensor: a view into a storage, its offset and strides in elements, never beyond the storage's end. */
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

  /** Elements from the first to the last, inclusive; 0 for an empty tensor. */
  get extent(): number {
    if (this.shape.includes(0)) return 0;
    return this.shape.reduce((sum, size, axis) => sum + (size - 1) * this.strides[axis]!, 1);
  }
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const areWhole = (values: unknown): values is number[] => Array.isArray(values) && values.every(isWhole);
const isPair = (pair: unknown): pair is [unknown, unknown] => Array.isArray(pair) && pair.length === 2;

const mostDimensions = 64; // more than any tensor has, and what libtorch's operators take
const mostRepeated = 2 ** 28;

/** Strides of 0 let a few elements stand for any number: taken where they would fit into a small memory. */
function isBlownUp({ storage, shape }: StorageView): boolean {
  const elements = shape.reduce((product, size) => product * size, 1);
  return elements > storage.length && elements > mostRepeated;
}

function rebuildTensor([storage, offset, shape, strides]: Pickled[]): StorageView {
  if (storage instanceof Storage && isWhole(offset) && areWhole(shape) && areWhole(strides)) {
    const view = new StorageView(storage, offset, shape, strides);
    const fits = shape.length === strides.length && view.extent <= storage.length - offset;
    if (fits && shape.length <= mostDimensions && !isBlownUp(view)) return view;
  }
  throw new PickleError('a damaged tensor');
}

/** Python 2 gives the pairs at once, as a list; Python 3 makes an empty dictionary and sets them. */
function orderedDict([pairs]: Pickled[]): Map<unknown, unknown> {
  if (pairs === undefined) return new Map();
  if (Array.isArray(pairs) && pairs.every(isPair)) return new Map(pairs);
  throw new PickleError('a damaged dictionary');
}

/** What the types of storages, such as torch.FloatStorage, mean. */
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

/** All names that the pickle may use. */
const allowed = new Map<string, Named>([
  ['collections.OrderedDict', { make: orderedDict }],
  ['torch._utils._rebuild_tensor', { make: rebuildTensor }], // before PyTorch 0.4
  ['torch._utils._rebuild_tensor_v2', { make: rebuildTensor }],
  ['torch._utils._rebuild_parameter', { make: ([tensor]) => tensor }],
  ...Object.entries(storageTypes).map(([name, meaning]): [string, Named] => [`torch.${name}`, { meaning }]),
]);

/** The table for one pickle; each storage that the pickle names is given to `found`. */
export function stateDictTable(found: (storage: Storage) => void): PickleTable {
  return {
    named: (name) => {
      const named = allowed.get(name);
      if (named) return named;
      throw new PickleError(`one that asks for ${name}, which is not run: save model.state_dict() alone`);
    },
    // ('storage', type, key, location, length); a legacy file adds where the storage is part of another, which tensors are not.
    stored: (id) => {
      const [word, type, key, , length, partOf] = Array.isArray(id) ? id : [];
      const dtype = type instanceof NamedValue ? (type.named.meaning as DType | undefined) : undefined;
      if (word === 'storage' && dtype && typeof key === 'string' && isWhole(length) && partOf === undefined) {
        const storage = new Storage(dtype, key, length);
        found(storage);
        return storage;
      }
      throw new PickleError('one that stores something else than tensors');
    },
  };
}

export interface StateDict {
  readonly tensors: ReadonlyMap<string, StorageView>;
  /** What a checkpoint holds beside it: `optimizer`, `epoch` … */
  readonly besides: readonly string[];
}

/** undefined for a pickle without a state dict. Dictionaries around it are looked through, by the table of wrappers.ts. */
export function findStateDict(value: Pickled): StateDict | undefined {
  return value instanceof Map ? findWithin(value, new Set()) : undefined;
}

function findWithin(dictionary: Map<unknown, unknown>, entered: Set<unknown>): StateDict | undefined {
  if (entered.has(dictionary)) return undefined; // a pickle may hold itself
  entered.add(dictionary);
  const entries = named(dictionary);
  let dictionaries = entries.filter(([, each]) => each instanceof Map).map(([name]) => name);
  for (let choice = chooseWrapper(dictionaries); choice; choice = chooseWrapper(dictionaries)) {
    const { chosen } = choice;
    const found = findWithin(dictionary.get(chosen) as Map<unknown, unknown>, entered);
    if (found) return { tensors: found.tensors, besides: [...found.besides, ...besidesOf(entries, chosen)] };
    dictionaries = dictionaries.filter((name) => name !== chosen);
  }
  const tensors = new Map(entries.filter((entry): entry is [string, StorageView] => entry[1] instanceof StorageView));
  return tensors.size === 0 ? undefined : { tensors, besides: besidesOf(entries) };
}

const besidesOf = (entries: readonly (readonly [string, unknown])[], taken?: string): string[] =>
  entries.filter(([name, each]) => name !== taken && !(each instanceof StorageView)).map(([name]) => name);

/** A dictionary's entries whose keys are text. */
const named = (dictionary: Map<unknown, unknown>) =>
  [...dictionary].filter((entry): entry is [string, unknown] => typeof entry[0] === 'string');
