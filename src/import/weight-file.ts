// Opens a file of named tensors in any format of published weights, recognised by its first bytes, not by its
// extension.
// matching.ts determines which network the tensors belong to.

import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { openSafetensors } from '../nn/safetensors.ts';
import { FileBytes } from './file-bytes.ts';
import { openLegacyPth, openZipPth } from './pth.ts';
import { plainNames } from './wrappers.ts';

/** A tensor of the file; `read` reads its elements into a new tensor. */
export interface StoredTensor {
  readonly shape: readonly number[];
  read(): Tensor;
}

export interface WeightFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of other contents of the file, such as `optimizer`, which are not read. */
  readonly others: readonly string[];
  close(): void;
}

const startsWith = (head: Buffer, ...bytes: number[]) => bytes.every((byte, index) => head[index] === byte);
const formats = 'a Keras .h5, a PyTorch .pth or .pt, or a .safetensors file';

/** Opens a file of weights. @throws InputError if it is of another kind, damaged, or refers to code */
export async function openWeightFile(path: string): Promise<WeightFile> {
  const file = new FileBytes(path);
  try {
    const head = file.head(512);
    if (startsWith(head, 0x89, 0x48, 0x44, 0x46)) {
      const { openHdf5 } = await import('./hdf5.ts'); // loading its library takes 0.1 s
      return await openHdf5(file);
    }
    if (startsWith(head, 0x50, 0x4b, 0x03, 0x04)) return unwrap(openZipPth(file)); // PK
    if (startsWith(head, 0x80)) return unwrap(openLegacyPth(file)); // a pickle's PROTO
    if (head[8] === 0x7b) {
      const { tensors, close } = openSafetensors(path); // its header's {
      file.close();
      return unwrap({ tensors, others: [], close });
    }
    throw new InputError(`${path}: expected ${formats}, got ${describeOther(head)}`);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Removes wrappers from the names of the tensors. */
function unwrap({ tensors, others, close }: WeightFile): WeightFile {
  const { names, others: otherWrappers } = plainNames(tensors.keys());
  const plain = new Map([...names].map(([name, fileName]) => [name, tensors.get(fileName)!]));
  return { tensors: plain, others: [...others, ...otherWrappers], close };
}

/** Describes a file that contains no weights. */
function describeOther(head: Buffer): string {
  const text = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (head.length === 0) return 'an empty file: download it again';
  if (/^<(!doctype|html|\?xml|head|body|!--)/i.test(text)) return 'a web page (a failed download): download it again';
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer: fetch the file itself with git lfs pull';
  if (text.startsWith('{')) return 'JSON text (an error message instead of the file?): download it again';
  if (startsWith(head, 0x1f, 0x8b)) return 'a gzip archive: unpack it first';
  if (head.toString('latin1', 257, 262) === 'ustar') {
    return "a tar archive: unpack it first (PyTorch's tar format from before 2017 is not supported)";
  }
  return 'a file of another kind';
}
