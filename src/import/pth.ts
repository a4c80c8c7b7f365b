// PyTorch's files of a state dict: the zip archives of today, and what torch.save wrote before 2020 (legacy: pickles in a row).
// Their pickles are read as data, by the table of state-dict.ts; this file knows where the tensors' elements lie.

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

/** @throws InputError for an archive that is damaged, holds no state dict, or asks for more than data */
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
      return { offset: member.offset, check: once(() => checkMember(file, `data/${key}`, member)) };
    const got = member ? `${member.length} bytes` : 'none';
    throw new InputError(`${file.path}: data/${key}: expected ${length * elementBytes[dtype]} bytes, got ${got}`);
  });
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyProtocol = 1001;
const longestPickles = 16 * 2 ** 20; // bytes; NASNet-A large's take 0.3 MB

/**
 * Five pickles (magic number, protocol, the machine that wrote it, the object, its storages' keys), then for each key the
 * storage's length as int64 and its elements.
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
    if (!storage) throw new InputError(`${file.path}: expected storages of the state dict alone, got others`);
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

function unpickle(file: FileBytes, bytes: Buffer, start: number, found: (storage: Storage) => void) {
  try {
    return readPickle(bytes, start, stateDictTable(found));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new InputError(`${file.path}: expected a pickled state dict, got ${error.message}`);
  }
}

/** Where in the file a storage's elements begin, and whether they are those that were written, where the file says it. */
interface StoredElements {
  offset: number;
  /** @throws InputError */
  check(): void;
}

function once(check: () => void): () => void {
  let checked = false;
  return () => {
    if (!checked) check();
    checked = true;
  };
}

function weightFile(file: FileBytes, value: Pickled, elementsOf: (storage: Storage) => StoredElements): WeightFile {
  const found = findStateDict(value);
  if (!found) throw new InputError(`${file.path}: expected a state dict (tensors by name), got no tensor by name`);
  const tensors = new Map<string, StoredTensor>();
  const stored = new Map<Storage, StoredElements>();
  for (const [name, view] of found.tensors) {
    const elements = stored.get(view.storage) ?? elementsOf(view.storage);
    stored.set(view.storage, elements);
    tensors.set(name, { shape: view.shape, read: () => scope(() => readView(file, view, elements)) });
  }
  return { tensors, besides: found.besides, close: () => file.close() };
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
