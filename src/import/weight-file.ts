// A file of named tensors of any format that published weights come in, recognised by its first bytes and never by its ending.
// The formats' own readers are beside it; which network the tensors belong to is matching.ts's affair.

import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { openSafetensors } from '../nn/safetensors.ts';
import { FileBytes } from './file-bytes.ts';
import { openLegacyPth, openZipPth } from './pth.ts';
import { plainNames } from './wrappers.ts';

/** A tensor of the file; its elements are read, and a new tensor made of them, when `read` is called. */
export interface StoredTensor {
  readonly shape: readonly number[];
  read(): Tensor;
}

export interface WeightFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of what else the file holds, such as `optimizer`; not read. */
  readonly besides: readonly string[];
  close(): void;
}

const starts = (head: Buffer, ...bytes: number[]) => bytes.every((byte, index) => head[index] === byte);
const formats = 'a Keras .h5, a PyTorch .pth or .pt, or a .safetensors file';

/** @throws InputError in one sentence for a file of another kind, a damaged one, or one that asks for code to be run */
export async function openWeightFile(path: string): Promise<WeightFile> {
  const file = new FileBytes(path);
  try {
    const head = file.head(512);
    if (starts(head, 0x89, 0x48, 0x44, 0x46)) {
      const { openHdf5 } = await import('./hdf5.ts'); // its library takes 0.1 s to start
      return await openHdf5(file);
    }
    if (starts(head, 0x50, 0x4b, 0x03, 0x04)) return unwrapped(openZipPth(file)); // PK
    if (starts(head, 0x80)) return unwrapped(openLegacyPth(file)); // a pickle's PROTO
    if (head[8] === 0x7b) {
      const { tensors, close } = openSafetensors(path); // its header's {
      file.close();
      return unwrapped({ tensors, besides: [], close });
    }
    throw new InputError(`${path}: expected ${formats}, got ${foreign(head)}`);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Under the names that the model itself gives its tensors. */
function unwrapped({ tensors, besides, close }: WeightFile): WeightFile {
  const { names, others } = plainNames(tensors.keys());
  const plain = new Map([...names].map(([name, own]) => [name, tensors.get(own)!]));
  return { tensors: plain, besides: [...besides, ...others], close };
}

/** What a file that holds no weights looks like. */
function foreign(head: Buffer): string {
  const text = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (head.length === 0) return 'an empty file: download it again';
  if (/^<(!doctype|html|\?xml|head|body|!--)/i.test(text)) return 'a web page (a failed download): download it again';
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer: fetch the file itself with git lfs pull';
  if (text.startsWith('{')) return 'JSON text (an error message in place of the file?): download it again';
  if (starts(head, 0x1f, 0x8b)) return 'a gzip archive: unpack it first';
  if (head.toString('latin1', 257, 262) === 'ustar') {
    return "a tar archive: unpack it first (PyTorch's own tar format of before 2017 is not read)";
  }
  return 'a file of another kind';
}
