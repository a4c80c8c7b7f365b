// Reads Keras's weight files with h5wasm (HDF5), one tensor at a time. Layers are groups at the root (save_weights) or
// under model_weights (save). Tensors are named `layer/variable` here, such as `stem_conv1/kernel`.

import { resolve } from 'node:path';
import type { Dataset, File, Group } from 'h5wasm/node';
import * as first from 'h5wasm/node';
import { tensor } from '../engine/create.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { FileBytes } from './file-bytes.ts';
import type { StoredTensor, WeightFile } from './weight-file.ts';
import { chooseWrapper } from './wrappers.ts';

/** Opens a file of Keras weights. @throws InputError if it is damaged or has no layers */
export async function openHdf5(bytes: FileBytes): Promise<WeightFile> {
  const { path } = bytes;
  const module = await (await library()).ready;
  module.activate_throwing_error_handler(); // HDF5 prints its errors on stderr otherwise
  confine(module as unknown as WithFiles);
  const file = guard(bytes, () => new hdf5.File(path, 'r'));
  try {
    const weights = guard(bytes, () =>
      file.keys().includes('model_weights') ? child(bytes, file, 'model_weights') : null,
    );
    const root = weights instanceof hdf5.Group ? weights : file;
    const walk = new Walk(bytes);
    const layers = guard(bytes, () => root.keys().map((name) => ({ name, tensors: layerTensors(walk, root, name) })));
    const withTensors = layers.filter((layer) => layer.tensors.length > 0);
    const choice = chooseWrapper(withTensors.map(({ name }) => name));
    const isWrapper = choice !== undefined && choice.others.length + 1 === withTensors.length;
    const modelLayers = isWrapper ? withTensors.filter(({ name }) => name === choice.chosen) : withTensors;
    const tensors = uniqueNames(
      bytes,
      modelLayers.flatMap((layer) => layer.tensors),
    );
    if (tensors.size === 0) throw new InputError(`${path}: expected Keras layers, got an HDF5 file without any`);
    const otherGroups = root === file ? [] : file.keys().filter((name) => name !== 'model_weights');
    const others = isWrapper ? [...otherGroups, ...choice.others] : otherGroups;
    const close = () => {
      closeQuietly(file);
      bytes.close();
    };
    return { tensors, others, close };
  } catch (error) {
    closeQuietly(file);
    throw error;
  }
}

/**
 * Returns the tensors of one group below the root: a layer, with any groups between it and its variables; or a model
 * nested in another as a layer, recognised by a variable name that occurs twice, whose layers are its variables'
 * groups.
 */
function layerTensors(walk: Walk, root: Group, name: string): [string, StoredTensor][] {
  const { bytes } = walk;
  const datasets = walk.datasets(child(bytes, root, name), [name]);
  const variables = datasets.map(({ names }) => names.at(-1)!.replace(/:0$/, ''));
  const isModel = new Set(variables).size < variables.length;
  return datasets.map(({ names, dataset }, index) => {
    if (names.at(-2) === 'vars') {
      throw new InputError(
        `${bytes.path}: expected variables by name, got Keras 3's numbered ones (.weights.h5): write the file again with model.save('FILE.h5')`,
      );
    }
    const layer = isModel ? names.at(-2)! : name;
    return [`${layer}/${variables[index]}`, storedTensor(bytes, dataset)];
  });
}

/** Returns the tensors by name. @throws InputError if a name occurs twice */
function uniqueNames(bytes: FileBytes, tensors: readonly [string, StoredTensor][]): Map<string, StoredTensor> {
  const byName = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    if (byName.has(name)) throw new InputError(`${bytes.path}: expected each variable once, got ${name} twice`);
    byName.set(name, tensor);
  }
  return byName;
}

/** Keras nests a few groups, and NASNet-A large has 1,546 variables; looking at an object takes up to 0.3 ms. */
const limits = { depth: 16, objects: 10_000 };

/** Walks through groups up to these limits, because groups may contain themselves and each other repeatedly. */
class Walk {
  readonly bytes: FileBytes;
  #objects = 0;

  constructor(bytes: FileBytes) {
    this.bytes = bytes;
  }

  datasets(entity: unknown, names: readonly string[]): { names: readonly string[]; dataset: Dataset }[] {
    const { path } = this.bytes;
    if (++this.#objects > limits.objects)
      throw new InputError(`${path}: expected at most ${limits.objects} groups and variables, got more`);
    if (names.length > limits.depth)
      throw new InputError(
        `${path}: ${names.slice(0, 3).join('/')} …: expected groups at most ${limits.depth} deep, got deeper ones: a group that contains itself?`,
      );
    if (entity instanceof hdf5.Dataset) return [{ names, dataset: entity }];
    if (!(entity instanceof hdf5.Group)) return []; // a data type
    return entity.keys().flatMap((name) => this.datasets(child(this.bytes, entity, name), [...names, name]));
  }
}

/** Returns the member of a group. @throws InputError if it is a link, because linked weights are not in the file */
function child({ path }: FileBytes, group: Group, name: string): unknown {
  const place = `${group.path}/${name}`.replace(/^\/+/, '/');
  const { filename } = group.get_external_link(place) as { filename?: string };
  if (filename !== undefined)
    throw new InputError(
      `${path}: ${place}: expected weights, got a link to another file (${filename}), which is not followed`,
    );
  const target: unknown = group.get_link(place);
  if (typeof target === 'string')
    throw new InputError(`${path}: ${place}: expected weights, got a link to ${target}, which is not followed`);
  return group.get(name);
}

/** The class of floats in HDF5's H5T_class_t. */
const floats = 1;
const maxTensorBytes = 2 ** 30;

function storedTensor(bytes: FileBytes, dataset: Dataset): StoredTensor {
  const shape = dataset.shape ?? [];
  const read = (): Tensor => {
    const where = `${bytes.path}: ${dataset.path}`;
    const { type, size, virtual_sources: otherFileError } = dataset.metadata as Metadata;
    if (otherFileError)
      throw new InputError(`${where}: expected weights, got a view of another file, which is not followed`);
    const got = String(guard(bytes, () => dataset.dtype));
    const wrong = () => new InputError(`${where}: expected 32- or 64-bit floats, got ${got}`);
    if (type !== floats || (size !== 4 && size !== 8)) throw wrong();
    const length = shape.reduce((product, side) => product * side, size);
    if (length > maxTensorBytes)
      throw new InputError(`${where}: expected at most ${maxTensorBytes} bytes, got ${length}`);
    const value = guard(bytes, () => dataset.value);
    if (value instanceof Float32Array || value instanceof Float64Array) return tensor(value, shape);
    throw wrong();
  };
  return { shape, read };
}

interface Metadata {
  type: number;
  size: number;
  virtual_sources?: unknown;
}

interface WithFiles {
  FS: {
    open: (path: unknown, ...rest: unknown[]) => unknown;
    close: (stream: unknown) => void;
    ErrnoError: new (code: number) => Error;
  };
}

/** The only file that HDF5 may open while it reads, and the first other file that it tried to open. */
let allowedPath: string | undefined;
let refusedPath: string | undefined;
/**
 * Closes the files in which the library wrote its errors, which it leaves open: without this, no file opens after 1,000
 * damaged ones.
 */
const unclosed: (() => void)[] = [];
const confinedSystems = new WeakSet<object>();
const noSuchFile = 44; // Emscripten's ENOENT
const flags = { create: 0o100, exclusive: 0o200, directory: 0o200000 };

/**
 * HDF5 opens other files that a file refers to: external links, raw data in another file, plug-ins. This limits the
 * library's access to the file system to the file that is read.
 */
function confine({ FS }: WithFiles): void {
  if (confinedSystems.has(FS)) return;
  confinedSystems.add(FS);
  const open = FS.open.bind(FS);
  FS.open = (path, ...rest) => {
    const mode = typeof rest[0] === 'number' ? rest[0] : 0;
    const isNew = (mode & flags.create) !== 0 && (mode & flags.exclusive) !== 0; // the library's file of errors
    if (isNew && allowedPath !== undefined) {
      const stream = open(path, ...rest);
      unclosed.push(() => FS.close(stream));
      return stream;
    }
    if (allowedPath === undefined || typeof path !== 'string' || resolve(path) === allowedPath)
      return open(path, ...rest);
    if ((mode & flags.directory) === 0) refusedPath ??= path; // it searches folders for plug-ins
    throw new FS.ErrnoError(noSuchFile);
  };
}

/** Closes a file and ignores errors, because a damaged file can fail to close after it has been read. */
function closeQuietly(file: File): void {
  try {
    file.close();
  } catch (error) {
    noteAbort(error);
  }
}

function closeIfOpen(close: () => void): void {
  try {
    close();
  } catch {
    // it is closed already
  }
}

let hdf5: typeof first = first;
/** Whether the library has aborted on a damaged file, so that its memory can no longer be trusted. */
let aborted = false;
let restarts = 0;

/** Returns the library, a new instance if a damaged file has aborted it. */
async function library(): Promise<typeof first> {
  if (aborted) {
    hdf5 = (await import(`${import.meta.resolve('h5wasm/node')}?${++restarts}`)) as typeof first;
    aborted = false;
  }
  return hdf5;
}

const noteAbort = (error: unknown): void => {
  aborted ||= error instanceof Error && error.name === 'RuntimeError'; // WebAssembly's
};

/**
 * Runs `body` with access to the file only. Turns HDF5's errors, a stack of its functions, into the innermost reason.
 */
function guard<T>(bytes: FileBytes, body: () => T): T {
  const outer = allowedPath;
  allowedPath = resolve(bytes.path);
  refusedPath = undefined;
  try {
    const result = body();
    if (refusedPath !== undefined) throw otherFileError(bytes, refusedPath);
    return result;
  } catch (error) {
    if (error instanceof InputError || !(error instanceof Error)) throw error;
    noteAbort(error);
    if (refusedPath !== undefined) throw otherFileError(bytes, refusedPath);
    const reason = [...error.message.matchAll(/^ {2}#\d+: .*?\): (.*)$/gm)].at(-1)?.[1] ?? error.message;
    const expectedSize = /^truncated file.* stored_eof = (\d+)/.exec(reason)?.[1];
    if (expectedSize) throw bytes.truncated(Number(expectedSize));
    throw new InputError(`${bytes.path}: expected an HDF5 file of Keras weights, got a damaged one (${reason})`);
  } finally {
    for (const close of unclosed.splice(0)) closeIfOpen(close);
    allowedPath = outer;
  }
}

const otherFileError = ({ path }: FileBytes, other: string) =>
  new InputError(
    `${path}: expected a file that contains its weights, got one that refers to ${other}, which is not opened`,
  );
