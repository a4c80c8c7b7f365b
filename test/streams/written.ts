// Writers of every format of pictures, for tests: small, and independent of what reads them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import sharp from 'sharp';

export interface Labelled {
  /** "CLASS/FILE". */
  name: string;
  label: number;
  bytes: Buffer;
}

/** Returns a JPEG of noise over one colour, which differs by `number`. */
export async function jpeg(number: number, width = 40, height = 30): Promise<Buffer> {
  const pixels = Buffer.alloc(3 * width * height);
  for (let index = 0; index < pixels.length; index++)
    pixels[index] = (37 * number + 60 * (index % 3) + (index % 7) * 4) % 256;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** Returns `each` pictures of every class, sorted by class and name, as all formats list them. */
export async function pictures(classes: readonly string[], each = 5): Promise<Labelled[]> {
  const all: Labelled[] = [];
  for (const [label, name] of classes.entries())
    for (let number = 0; number < each; number++)
      all.push({ name: `${name}/${name}_${number}.JPEG`, label, bytes: await jpeg(all.length) });
  return all;
}

export function writeFolders(folder: string, all: readonly Labelled[]): string {
  for (const { name, bytes } of all) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

/** Returns a tar in ustar's format. */
export function tar(files: readonly { name: string; bytes: Buffer }[]): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => {
    const header = Buffer.alloc(512);
    header.write(name);
    header.write('0000644\0', 100);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write('0', 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Writes a tar with a tar for each class, as ILSVRC2012_img_train.tar. */
export function writeClassTar(path: string, all: readonly Labelled[]): string {
  const byClass = Map.groupBy(all, ({ name }) => dirname(name));
  const tars = [...byClass].map(([name, own]) => ({
    name: `${name}.tar`,
    bytes: tar(own.map(({ name, bytes }) => ({ name: name.split('/')[1]!, bytes }))),
  }));
  writeFileSync(path, tar(tars));
  return path;
}

/** Writes WebDataset shards with these numbers of pictures. */
export function writeWebDataset(folder: string, all: readonly Labelled[], sizes: readonly number[]): string {
  mkdirSync(folder, { recursive: true });
  let from = 0;
  for (const [shard, size] of sizes.entries()) {
    const files = all.slice(from, from + size).flatMap(({ name, label, bytes }) => {
      const key = name.split('/')[1]!.replace(/\..*/, '');
      return [
        { name: `${key}.cls`, bytes: Buffer.from(`${label}`) },
        { name: `${key}.jpg`, bytes },
        { name: `${key}.json`, bytes: Buffer.from(JSON.stringify({ label })) },
      ];
    });
    writeFileSync(join(folder, `imagenet-train-${String(shard).padStart(4, '0')}.tar`), tar(files));
    from += size;
  }
  return folder;
}

/** The CRC-32C bit by bit. */
function crc(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  }
  const plain = (value ^ 0xffffffff) >>> 0;
  return (((plain >>> 15) | (plain << 17)) + 0xa282ead8) >>> 0;
}

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
};
const message = (number: number, content: Buffer): Buffer =>
  Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
const feature = (key: string, kind: 1 | 3, list: Buffer): Buffer =>
  message(1, Buffer.concat([message(1, Buffer.from(key)), message(2, message(kind, list))]));

export function tfrecord(examples: readonly { bytes: Buffer; label: number; synset?: string }[]): Buffer {
  const records = examples.map(({ bytes, label, synset }) => {
    const content = message(
      1,
      Buffer.concat([
        feature('image/encoded', 1, message(1, bytes)),
        feature('image/class/label', 3, message(1, varint(label))),
        feature('image/filename', 1, message(1, Buffer.from('a name'))),
        ...(synset === undefined ? [] : [feature('image/class/synset', 1, message(1, Buffer.from(synset)))]),
      ]),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(content.length));
    const sums = [length, content].map((each) => {
      const sum = Buffer.alloc(4);
      sum.writeUInt32LE(crc(each));
      return sum;
    });
    return Buffer.concat([length, sums[0]!, content, sums[1]!]);
  });
  return Buffer.concat(records);
}

/** Writes TFRecord shards with these numbers of pictures; labels count from 1. */
export function writeTfrecords(folder: string, all: readonly Labelled[], sizes: readonly number[]): string {
  mkdirSync(folder, { recursive: true });
  const count = String(sizes.length).padStart(5, '0');
  let from = 0;
  for (const [shard, size] of sizes.entries()) {
    const examples = all.slice(from, from + size).map(({ bytes, label }) => ({ bytes, label: label + 1 }));
    writeFileSync(join(folder, `train-${String(shard).padStart(5, '0')}-of-${count}`), tfrecord(examples));
    from += size;
  }
  return folder;
}

/** Writes one Parquet file in groups of `rows`, as Hugging Face's library does. */
export function writeParquet(path: string, all: readonly Labelled[], classes: readonly string[], rows: number): string {
  mkdirSync(dirname(path), { recursive: true });
  const writer = new ByteWriter();
  const info = { info: { features: { label: { names: classes, _type: 'ClassLabel' } } } };
  parquetWrite({
    writer,
    columnData: [
      { name: 'image', data: all.map(({ name, bytes }) => ({ bytes: new Uint8Array(bytes), path: name })) },
      { name: 'label', data: all.map(({ label }) => BigInt(label)) },
    ],
    schema: [
      { name: 'root', num_children: 2 },
      { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
    ],
    rowGroupSize: rows,
    kvMetadata: [{ key: 'huggingface', value: JSON.stringify(info) }],
  });
  writeFileSync(path, writer.getBytes());
  return path;
}
