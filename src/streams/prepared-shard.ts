// One shard that `nasnet prepare` writes: pictures one after another, then what they are, then checksums. Each shard is
// complete by itself, so that a preparation that was killed goes on after the last whole one.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { InputError } from '../failure.ts';
import { writeWhole } from '../whole-file.ts';
import type { OpenFiles, RandomAccess } from './random-access.ts';

/** A picture as a shard stores it: a JPEG, or RGB bytes [height, width, 3]. */
export interface ShardPicture {
  name: string;
  label: number;
  bytes: Uint8Array;
  /** The size of raw pixels. */
  size?: { height: number; width: number } | undefined;
}

const format = 1;
const footerSchema = z.strictObject({
  format: z.literal(format),
  /** Identity of the source and of the form. */
  of: z.string(),
  number: z.int().min(0),
  /** SHA-256 of all pictures' bytes. */
  sha256: z.string(),
  names: z.array(z.string()),
  labels: z.array(z.int().min(0)),
  lengths: z.array(z.int().min(0)),
  /** Width · 65,536 + height of raw pixels, else 0. */
  sizes: z.array(z.int().min(0)),
  /** Sentences about pictures of the source that could not be read. */
  unreadable: z.array(z.string()),
});
export type ShardContents = z.infer<typeof footerSchema>;

const magic = 'NASNETP1';
/** The last bytes: SHA-256 of the footer, its length, the magic. */
const tail = { digest: 32, length: 4, magic: magic.length };
const tailBytes = tail.digest + tail.length + tail.magic;

/** Writes a shard whole or not at all; returns its size in bytes. */
export function writeShard(
  path: string,
  { of, number, unreadable }: Pick<ShardContents, 'of' | 'number' | 'unreadable'>,
  pictures: readonly ShardPicture[],
): number {
  const hash = createHash('sha256');
  for (const { bytes } of pictures) hash.update(bytes);
  const contents: ShardContents = {
    format,
    of,
    number,
    sha256: hash.digest('hex'),
    names: pictures.map(({ name }) => name),
    labels: pictures.map(({ label }) => label),
    lengths: pictures.map(({ bytes }) => bytes.length),
    sizes: pictures.map(({ size }) => (size ? size.width * 65_536 + size.height : 0)),
    unreadable: [...unreadable],
  };
  const footer = Buffer.from(JSON.stringify(contents));
  const end = Buffer.alloc(tailBytes);
  createHash('sha256').update(footer).digest().copy(end);
  end.writeUInt32LE(footer.length, tail.digest);
  end.write(magic, tail.digest + tail.length);
  return writeWhole(path, [...pictures.map(({ bytes }) => bytes), footer, end]);
}

/** Reads what a shard contains, without its pictures. @throws InputError with what is damaged */
export function readShard(path: string, files: OpenFiles): ShardContents {
  const file = files.file(path);
  const end = file.read(Math.max(0, file.size - tailBytes), tailBytes);
  if (end.length < tailBytes || end.toString('latin1', tail.digest + tail.length) !== magic)
    throw damaged(file, 'it is truncated, or no prepared shard');
  const length = end.readUInt32LE(tail.digest);
  const start = file.size - tailBytes - length;
  const footer = file.read(Math.max(0, start), length);
  if (start < 0 || !createHash('sha256').update(footer).digest().equals(end.subarray(0, tail.digest)))
    throw damaged(file, 'the checksum of its list differs');
  const { success, data } = footerSchema.safeParse(JSON.parse(footer.toString('utf8')));
  if (!success || data.lengths.reduce((sum, each) => sum + each, 0) !== start)
    throw damaged(file, 'its list is of another format');
  return data;
}

const chunk = 8 << 20; // bytes

/** Compares the pictures with their checksum. @throws InputError if they differ */
export function verifyShard(path: string, contents: ShardContents, files: OpenFiles): void {
  const file = files.file(path);
  const hash = createHash('sha256');
  const end = contents.lengths.reduce((sum, each) => sum + each, 0);
  for (let at = 0; at < end; at += chunk) hash.update(file.read(at, Math.min(chunk, end - at)));
  if (hash.digest('hex') !== contents.sha256) throw damaged(file, 'the checksum of its pictures differs');
}

const damaged = ({ name }: RandomAccess, what: string) =>
  new InputError(`${name}: expected a shard as nasnet prepare writes it, but ${what}; prepare again to replace it`);
