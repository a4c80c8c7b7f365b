// Reads PyTorch's state dict files: zip archives, and the legacy format of torch.save before 2020 (a sequence of
// pickles). The pickles are read as data with the table of state-dict.ts; this file locates the tensors' elements.

import { fromBytes } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import { call } from '../engine/operator.ts';
import { elementBytes, type Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { FileBytes } from './file-bytes.ts';
import { type Pickled, PickleError, readPickle } from './pickle.ts';
import { findStateDict, type Storage, type StorageView, stateDictTable } from './state-dict.ts';
import type { StoredTensor, WeightFile } from './weight-file.ts';
import { checkMember, readMember, zipMembers } from './zip.ts';

/** Opens a zip archive. @throws InputError if it is damaged, contains no state dict, or refers to anything but data */
export function openZipPth(file: FileBytes): WeightFile {
  const members = zipMembers(file);
  const pickleName = [...members.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickleName) {
    const keras = members.has('model.weights.h5');
    const got = keras ? "a .keras archive: write it again with model.save('FILE.h5')" : 'another zip archive';
    throw new InputError(`${file.path}: expected a PyTorch archive with a data.pkl, got ${got}`);
  }
  const folder = pickleName.slice(0, -'data.pkl'.length);
  const order = members.get(`${folder}byteorder`);
  if (order && readMember(file, `${folder}byteorder`, order).toString() !== 'little') throw bigEndian(file);

  const pickle = members.get(pickleName)!;
  if (pickle.length > longestPickles)
    throw new InputError(`${file.path}: ${pickleName}: expected at most ${longestPickles} bytes, got ${pickle.length}`);
  const { value } = unpickle(file, readMember(file, pickleName, pickle), 0, () => {});
  return weightFile(file, value, ({ key, dtype, length }) => {
    const member = members.get(`${folder}data/${key}`);
    if (member?.length === length * elementBytes[dtype])
      return { offset: member.offset, check: runOnce(() => checkMember(file, `data/${key}`, member)) };
    const got = member ? `${member.length} bytes` : 'none';
    throw new InputError(`${file.path}: data/${key}: expected ${length * elementBytes[dtype]} bytes, got ${got}`);
  });
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyProtocol = 1001;
const longestPickles = 16 * 2 ** 20; // bytes; those of NASNet-A large have 0.3 MB

/**
 * Opens a legacy file: five pickles (magic number, protocol, the writer's machine, the object, its storages' keys),
 * then for each key the storage's length as int64 and its elements.
 * @throws InputError as openZipPth does
 */
export function openLegacyPth(file: FileBytes): WeightFile {
  const bytes = file.head(longestPickles);
  const storages = new Map<string, Storage>();
  let at = 0;
  const next = (): Pickled => {
    const { value, end } = unpickle(file, bytes, at, (storage) => storages.set(storage.key, storage));
    at = end;
    return value;
  };
  if (next() !== legacyMagic || next() !== legacyProtocol) {
    throw new InputError(`${file.path}: expected a file that torch.save wrote, got another pickle`);
  }
  const machine = next();
  if (machine instanceof Map && machine.get('little_endian') === false) throw bigEndian(file);
  const [value, keys] = [next(), next()];
  const offsets = new Map<string, number>();
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = storages.get(key);
    if (!storage) throw new InputError(`${file.path}: expected only storages of the state dict, got others`);
    if (Number(file.read(at, 8).readBigInt64LE()) !== storage.length) {
      throw new InputError(`${file.path}: storage ${key}: expected the length in the state dict, got another`);
    }
    offsets.set(key, at + 8);
    at += 8 + storage.length * elementBytes[storage.dtype];
  }
  if (at > file.size) throw file.truncated(at);
  return weightFile(file, value, ({ key }) => {
    const offset = offsets.get(key);
    if (offset !== undefined) return { offset, check: () => {} };
    throw new InputError(`${file.path}: expected the elements of storage ${key}, got none`);
  });
}

function unpickle(file: FileBytes, bytes: Buffer, start: number, onStorage: (storage: Storage) => void) {
  try {
    return readPickle(bytes, start, stateDictTable(onStorage));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new InputError(`${file.path}: expected a pickled state dict, got ${error.message}`);
  }
}

/** The place of a storage's elements in the file, and a check of their checksum if there is one. */
interface StoredElements {
  offset: number;
  /** @throws InputError if the elements are damaged */
  check(): void;
}

function runOnce(check: () => void): () => void {
  let checked = false;
  return () => {
    if (!checked) check();
    checked = true;
  };
}

function weightFile(file: FileBytes, value: Pickled, elementsOf: (storage: Storage) => StoredElements): WeightFile {
  const stateDict = findStateDict(value);
  if (!stateDict) throw new InputError(`${file.path}: expected a state dict (tensors by name), got no tensor by name`);
  const tensors = new Map<string, StoredTensor>();
  const storageElements = new Map<Storage, StoredElements>();
  for (const [name, view] of stateDict.tensors) {
    const elements = storageElements.get(view.storage) ?? elementsOf(view.storage);
    storageElements.set(view.storage, elements);
    tensors.set(name, { shape: view.shape, read: () => scope(() => readView(file, view, elements)) });
  }
  return { tensors, others: stateDict.others, close: () => file.close() };
}

function readView(file: FileBytes, view: StorageView, { offset, check }: StoredElements): Tensor {
  check();
  const { storage, shape, strides, extent } = view;
  const size = elementBytes[storage.dtype];
  const elements = fromBytes(file.read(offset + view.offset * size, extent * size), storage.dtype, [extent]);
  return (call('aten::as_strided', '', [elements, shape, strides]) as Tensor).clone('contiguous');
}

const bigEndian = (file: FileBytes) =>
  new InputError(`${file.path}: expected little-endian numbers, got a file that a big-endian machine wrote`);
