// Reads the official files of CIFAR-10 (Krizhevsky, 2009) from a folder or an archive and verifies them: six files of
// 10,000 records, each a label byte and 1,024 red, green and blue bytes.

import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type ParsedTarFileItem, parseTar } from 'nanotar';
import { InputError } from '../failure.ts';
import { readNamedFile } from '../named-file.ts';

export const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
export const imageSize = 32;
export const recordsPerFile = 10_000;
export const pixelBytes = 3 * imageSize * imageSize;
export const recordBytes = 1 + pixelBytes;
const fileBytes = recordsPerFile * recordBytes;

/** The files in order, with part of the dataset and MD5 of the 30,730,000 bytes. */
export const officialFiles = [
  { name: 'data_batch_1.bin', part: 'train', md5: '5dd7e06a14cb22eb9f671a540d1b7c25' },
  { name: 'data_batch_2.bin', part: 'train', md5: '5ea93a67294ea407fff1d09f752e9692' },
  { name: 'data_batch_3.bin', part: 'train', md5: '942cd6a4bcdd0dd3c604fbe906cb4421' },
  { name: 'data_batch_4.bin', part: 'train', md5: 'ae636b3ba5c66a11e91e8cb52e771fcb' },
  { name: 'data_batch_5.bin', part: 'train', md5: '53f37980c15c3d472c316c40844f3f0d' },
  { name: 'test_batch.bin', part: 'test', md5: '803d5f7f4d78ea53de84dbe85f74fb6d' },
] as const;

export type OfficialFile = (typeof officialFiles)[number];

/** Returns a description of what is wrong with an official file's bytes; undefined if they are correct. */
export function fault(bytes: Uint8Array, official: OfficialFile): string | undefined {
  if (bytes.length !== fileBytes) {
    const word = bytes.length < fileBytes ? 'cut short' : 'too long';
    return `is ${word}: expected ${fileBytes} bytes, got ${bytes.length}`;
  }
  const md5 = createHash('md5').update(bytes).digest('hex');
  return md5 === official.md5 ? undefined : `is damaged or another file: expected MD5 ${official.md5}, got ${md5}`;
}

/** Returns labels [10,000] and planar pixels [10,000, 3, 32, 32] of an official file. */
export function splitRecords(bytes: Uint8Array): { labels: Uint8Array; pixels: Uint8Array } {
  const labels = new Uint8Array(recordsPerFile);
  const pixels = new Uint8Array(recordsPerFile * pixelBytes);
  for (let index = 0; index < recordsPerFile; index++) {
    labels[index] = bytes[index * recordBytes]!;
    pixels.set(bytes.subarray(index * recordBytes + 1, (index + 1) * recordBytes), index * pixelBytes);
  }
  return { labels, pixels };
}

/**
 * Yields the six files, in order and verified, from a folder (also from its `cifar-10-batches-bin` or archive) or from
 * the archive `cifar-10-binary.tar.gz`.
 * @throws InputError that names the wrong file
 */
export async function* readOfficial(path: string): AsyncGenerator<Uint8Array> {
  const read = await openOfficial(path);
  for (const official of officialFiles) {
    const { bytes, from } = await read(official.name);
    const wrong = fault(bytes, official);
    if (wrong) throw new InputError(`${from} ${wrong}`);
    yield bytes;
  }
}

type ReadOne = (name: string) => Promise<{ bytes: Uint8Array; from: string }>;

async function openOfficial(path: string): Promise<ReadOne> {
  if (!existsSync(path))
    throw new InputError(`${path}: expected the CIFAR-10 files or their archive, but it does not exist`);
  if (!statSync(path).isDirectory()) return openArchive(path);
  const first = officialFiles[0].name;
  const folder = [path, join(path, 'cifar-10-batches-bin')].find((candidate) => existsSync(join(candidate, first)));
  const archive = join(path, 'cifar-10-binary.tar.gz');
  if (!folder && existsSync(archive)) return openArchive(archive);
  return async (name) => {
    const from = join(folder ?? path, name);
    if (existsSync(from)) return { bytes: readNamedFile(from, 'a CIFAR-10 file'), from };
    throw new InputError(
      `${from} is missing: expected ${first} to data_batch_5.bin and test_batch.bin, or cifar-10-binary.tar.gz`,
    );
  };
}

async function openArchive(path: string): Promise<ReadOne> {
  const files = await unpack(readNamedFile(path, 'the CIFAR-10 files or their archive')).catch((error) => {
    throw new InputError(`${path} is not a complete .tar.gz archive (${error.message})`);
  });
  return async (name) => {
    const from = `${name} in ${path}`;
    const bytes = files.get(name);
    if (!bytes) throw new InputError(`${from} is missing: expected the archive cifar-10-binary.tar.gz`);
    return { bytes, from };
  };
}

const mostUnpacked = 2 ** 30; // bytes; CIFAR-10 has 184 MB

/** Returns the files of a .tar.gz archive by their names without folders. */
export async function unpack(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const unzipped = await promisify(gunzip)(archive, { maxOutputLength: mostUnpacked });
  const alone = unzipped.byteOffset === 0 ? unzipped : new Uint8Array(unzipped); // nanotar reads the underlying buffer
  const files = parseTar(alone) as ParsedTarFileItem[];
  return new Map(files.map((file) => [file.name.split('/').at(-1)!, file.data ?? new Uint8Array()]));
}
