// Keras's weight files: HDF5, which h5wasm reads from the disk, one tensor at a time. Layers are groups at the root
// (save_weights) or under model_weights (save). Tensors are named `layer/variable` here, such as `stem_conv1/kernel`.

import { resolve } from 'node:path';
import type { Dataset, File, Group } from 'h5wasm/node';
import * as first from 'h5wasm/node';
import { tensor } from '../engine/create.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { FileBytes } from './file-bytes.ts';
import type { StoredTensor, WeightFile } from './weight-file.ts';
import { chooseWrapper } from './wrappers.ts';

/** @throws InputError for a damaged file, or one without layers */
export async function openHdf5(bytes: FileBytes): Promise<WeightFile> {
  const { path } = bytes;
  const module = await (await library()).ready;
  module.activate_throwing_error_handler(); // HDF5 prints its errors on stderr otherwise
  confine(module as unknown as WithFiles);
  const file = guarded(bytes, () => new hdf5.File(path, 'r'));
  try {
    const weights = guarded(bytes, () =>
      file.keys().includes('model_weights') ? child(bytes, file, 'model_weights') : null,
    );
    const root = weights instanceof hdf5.Group ? weights : file;
    const walk = new Walk(bytes);
    const layers = guarded(bytes, () => root.keys().map((name) => ({ name, tensors: layerTensors(walk, root, name) })));
    const filled = layers.filter((layer) => layer.tensors.length > 0);
    const choice = chooseWrapper(filled.map(({ name }) => name));
    const wrapped = choice !== undefined && choice.others.length + 1 === filled.length;
    const taken = wrapped ? filled.filter(({ name }) => name === choice.chosen) : filled;
    const tensors = once(
      bytes,
      taken.flatMap((layer) => layer.tensors),
    );
    if (tensors.size === 0) throw new InputError(`${path}: expected Keras layers, got an HDF5 file without any`);
    const beside = root === file ? [] : file.keys().filter((name) => name !== 'model_weights');
    const besides = wrapped ? [...beside, ...choice.others] : beside;
    const close = () => {
      closeQuietly(file);
      bytes.close();
    };
    return { tensors, besides, close };
  } catch (error) {
    closeQuietly(file);
    throw error;
  }
}

/**
 * The tensors of one group below the root: a layer, whatever groups its Keras put between it and its variables; or a whole model
 * that stands in another as a layer, known by a variable's name that comes twice, whose layers are then its variables' groups.
 */
function layerTensors(walk: Walk, root: Group, name: string): [string, StoredTensor][] {
  const { bytes } = walk;
  const found = walk.datasets(child(bytes, root, name), [name]);
  const variables = found.map(({ names }) => names.at(-1)!.replace(/:0$/, ''));
  const isModel = new Set(variables).size < variables.length;
  return found.map(({ names, dataset }, index) => {
    if (names.at(-2) === 'vars') {
      throw new InputError(
        `${bytes.path}: expected variables by name, got Keras 3's numbered ones (.weights.h5): write the file again with model.save('FILE.h5')`,
      );
    }
    const layer = isModel ? names.at(-2)! : name;
    return [`${layer}/${variables[index]}`, storedTensor(bytes, dataset)];
  });
}

function once(bytes: FileBytes, tensors: readonly [string, StoredTensor][]): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    if (found.has(name)) throw new InputError(`${bytes.path}: expected each variable once, got ${name} twice`);
    found.set(name, tensor);
  }
  return found;
}

/** Keras nests a handful of groups, and NASNet-A large has 1,546 variables; each object takes up to 0.3 ms to look at. */
const most = { depth: 16, objects: 10_000 };

/** Goes through groups, which may hold themselves or each other many times over: a group is followed so far and no farther. */
class Walk {
  readonly bytes: FileBytes;
  #objects = 0;

  constructor(bytes: FileBytes) {
    this.bytes = bytes;
  }

  datasets(entity: unknown, names: readonly string[]): { names: readonly string[]; dataset: Dataset }[] {
    const { path } = this.bytes;
    if (++this.#objects > most.objects)
      throw new InputError(`${path}: expected at most ${most.objects} groups and variables, got more`);
    if (names.length > most.depth)
      throw new InputError(
        `${path}: ${names.slice(0, 3).join('/')} …: expected groups at most ${most.depth} deep, got deeper ones: a group that holds itself?`,
      );
    if (entity instanceof hdf5.Dataset) return [{ names, dataset: entity }];
    if (!(entity instanceof hdf5.Group)) return []; // a data type
    return entity.keys().flatMap((name) => this.datasets(child(this.bytes, entity, name), [...names, name]));
  }
}

/** What stands in a group under a name. @throws InputError for a link: weights that lie elsewhere are not in the file */
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
const mostBytes = 2 ** 30;

function storedTensor(bytes: FileBytes, dataset: Dataset): StoredTensor {
  const shape = dataset.shape ?? [];
  const read = (): Tensor => {
    const where = `${bytes.path}: ${dataset.path}`;
    const { type, size, virtual_sources: elsewhere } = dataset.metadata as Metadata;
    if (elsewhere)
      throw new InputError(`${where}: expected weights, got a view of another file, which is not followed`);
    const got = String(guarded(bytes, () => dataset.dtype));
    const wrong = () => new InputError(`${where}: expected 32- or 64-bit floats, got ${got}`);
    if (type !== floats || (size !== 4 && size !== 8)) throw wrong();
    const length = shape.reduce((product, side) => product * side, size);
    if (length > mostBytes) throw new InputError(`${where}: expected at most ${mostBytes} bytes, got ${length}`);
    const value = guarded(bytes, () => dataset.value);
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

/** The only file that HDF5 may open while it reads, and what it asked for beside it. */
let allowed: string | undefined;
let refused: string | undefined;
/** The library throws before it closes the file in which it wrote why: after 1,000 damaged files none could be opened. */
const unclosed: (() => void)[] = [];
const confined = new WeakSet<object>();
const noSuchFile = 44; // Emscripten's ENOENT
const flags = { create: 0o100, exclusive: 0o200, directory: 0o200000 };

/**
 * HDF5 opens other files on a file's word: external links, raw data of another file, plug-ins. The library's own door to the disk is
 * kept shut for all but the file that is read.
 */
function confine({ FS }: WithFiles): void {
  if (confined.has(FS)) return;
  confined.add(FS);
  const open = FS.open.bind(FS);
  FS.open = (path, ...rest) => {
    const how = typeof rest[0] === 'number' ? rest[0] : 0;
    const isNew = (how & flags.create) !== 0 && (how & flags.exclusive) !== 0; // where the library writes its errors
    if (isNew && allowed !== undefined) {
      const stream = open(path, ...rest);
      unclosed.push(() => FS.close(stream));
      return stream;
    }
    if (allowed === undefined || typeof path !== 'string' || resolve(path) === allowed) return open(path, ...rest);
    if ((how & flags.directory) === 0) refused ??= path; // folders are searched for plug-ins
    throw new FS.ErrnoError(noSuchFile);
  };
}

/** What was read is read: a damaged file may also fail to close. */
function closeQuietly(file: File): void {
  try {
    file.close();
  } catch (error) {
    noteStop(error);
  }
}

function closeIfOpen(close: () => void): void {
  try {
    close();
  } catch {
    // it was closed
  }
}

let hdf5: typeof first = first;
/** The library has ended itself on a damaged file: its memory is not to be trusted any more. */
let stopped = false;
let restarts = 0;

/** The library, begun anew where a damaged file has ended it. */
async function library(): Promise<typeof first> {
  if (stopped) {
    hdf5 = (await import(`${import.meta.resolve('h5wasm/node')}?${++restarts}`)) as typeof first;
    stopped = false;
  }
  return hdf5;
}

const noteStop = (error: unknown): void => {
  stopped ||= error instanceof Error && error.name === 'RuntimeError'; // WebAssembly's
};

/** What HDF5 throws is a page of its own functions; the innermost one's reason says what is wrong. */
function guarded<T>(bytes: FileBytes, body: () => T): T {
  const outer = allowed;
  allowed = resolve(bytes.path);
  refused = undefined;
  try {
    const result = body();
    if (refused !== undefined) throw elsewhere(bytes, refused);
    return result;
  } catch (error) {
    if (error instanceof InputError || !(error instanceof Error)) throw error;
    noteStop(error);
    if (refused !== undefined) throw elsewhere(bytes, refused);
    const reason = [...error.message.matchAll(/^ {2}#\d+: .*?\): (.*)$/gm)].at(-1)?.[1] ?? error.message;
    const whole = /^truncated file.* stored_eof = (\d+)/.exec(reason)?.[1];
    if (whole) throw bytes.truncated(Number(whole));
    throw new InputError(`${bytes.path}: expected an HDF5 file of Keras weights, got a damaged one (${reason})`);
  } finally {
    for (const close of unclosed.splice(0)) closeIfOpen(close);
    allowed = outer;
  }
}

const elsewhere = ({ path }: FileBytes, other: string) =>
  new InputError(
    `${path}: expected a file that holds its weights itself, got one that asks for ${other}, which is not opened`,
  );
