// Keras's weight files: HDF5, which h5wasm reads from the disk, one tensor at a time. Layers are groups at the root
// (save_weights) or under model_weights (save). Tensors are named `layer/variable` here, such as `stem_conv1/kernel`.

import { Dataset, File, Group, ready } from 'h5wasm/node';
import { tensor } from '../engine/create.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { FileBytes } from './file-bytes.ts';
import type { StoredTensor, WeightFile } from './weight-file.ts';

/** @throws InputError for a damaged file, or one without layers */
export async function openHdf5(bytes: FileBytes): Promise<WeightFile> {
  const { path } = bytes;
  (await ready).activate_throwing_error_handler(); // HDF5 prints its errors on stderr otherwise
  const file = guarded(bytes, () => new File(path, 'r'));
  try {
    const weights = guarded(bytes, () => file.get('model_weights'));
    const root = weights instanceof Group ? weights : file;
    const tensors = new Map(guarded(bytes, () => root.keys().flatMap((name) => layerTensors(bytes, root, name))));
    if (tensors.size === 0) throw new InputError(`${path}: expected Keras layers, got an HDF5 file without any`);
    const besides = root === file ? [] : file.keys().filter((name) => name !== 'model_weights');
    const close = () => {
      file.close();
      bytes.close();
    };
    return { tensors, besides, close };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * The tensors of one group below the root: a layer, whatever groups its Keras put between it and its variables; or a whole model
 * that stands in another as a layer, known by a variable's name that comes twice, whose layers are then its variables' groups.
 */
function layerTensors(bytes: FileBytes, root: Group, name: string): [string, StoredTensor][] {
  const found = datasets(root.get(name), [name]);
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

function datasets(entity: unknown, names: readonly string[]): { names: readonly string[]; dataset: Dataset }[] {
  if (entity instanceof Dataset) return [{ names, dataset: entity }];
  if (!(entity instanceof Group)) return []; // a link
  return entity.keys().flatMap((name) => datasets(entity.get(name), [...names, name]));
}

function storedTensor(bytes: FileBytes, dataset: Dataset): StoredTensor {
  const shape = dataset.shape ?? [];
  const read = (): Tensor => {
    const value = guarded(bytes, () => dataset.value);
    if (value instanceof Float32Array || value instanceof Float64Array) return tensor(value, shape);
    throw new InputError(`${bytes.path}: ${dataset.path}: expected 32- or 64-bit floats, got ${String(dataset.dtype)}`);
  };
  return { shape, read };
}

/** What HDF5 throws is a page of its own functions; the innermost one's reason says what is wrong. */
function guarded<T>(bytes: FileBytes, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError || !(error instanceof Error)) throw error;
    const reason = [...error.message.matchAll(/^ {2}#\d+: .*?\): (.*)$/gm)].at(-1)?.[1] ?? error.message;
    const whole = /^truncated file.* stored_eof = (\d+)/.exec(reason)?.[1];
    if (whole) throw bytes.truncated(Number(whole));
    throw new InputError(`${bytes.path}: expected an HDF5 file of Keras weights, got a damaged one (${reason})`);
  }
}
