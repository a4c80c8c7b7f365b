// Index of TFRecord shards with ImageNet's features: image/encoded, image/class/label (1 to 1,000) and, where it is
// there, image/class/synset. Listing reads some hundred bytes of each record and skips its picture.

import { basename } from 'node:path';
import { InputError } from '../failure.ts';
import { whole } from '../words.ts';
import { maskedCrc32c } from './crc32c.ts';
import { imagenetWnids, settleLabels } from './imagenet-labels.ts';
import type { OpenFiles, RandomAccess } from './random-access.ts';
import { listShards, numberedClasses, shardsName } from './shards.ts';
import { type Entry, indexOf, type StreamIndex, witnessOf } from './stream-index.ts';

const frame = { length: 8, crc: 4 };
/** A record has one picture, which a decoder reads at once. */
const mostBytes = 2 ** 31 - 1;

interface Record extends Entry {
  synset: string | undefined;
}

/** Lists shards in the order of their names, records as they are stored. */
export function tfrecordIndex(
  paths: readonly string[],
  files: OpenFiles,
  onCount: (count: number) => void,
): StreamIndex {
  const records = listShards(paths, files, recordsOf, onCount);
  const where = shardsName(paths);
  const settled = settleLabels(
    where,
    records.map(({ label, synset }) => ({ number: label, wnid: synset })),
    1,
  );
  const lowest = records.findIndex((_, place) => settled.labels[place]! < 0);
  if (lowest !== -1)
    throw new InputError(
      `${where}: ${records[lowest]!.name}: expected image/class/label from 1, got ${records[lowest]!.label}`,
    );
  const numbered = numberedClasses(settled.labels, 1);
  const classes = settled.imagenet || numbered.length === imagenetWnids.length ? [...imagenetWnids] : numbered;
  return indexOf(
    { kind: 'tfrecord', classes, paths: [...paths], witnesses: paths.map(witnessOf), remarks: settled.remarks, run: 1 },
    records.map((record, place) => ({ ...record, label: settled.labels[place]! })),
  );
}

function* recordsOf(file: RandomAccess, place: number): Generator<Record> {
  for (let at = 0, number = 0; at < file.size; number++) {
    const length = recordLength(file, at);
    const start = at + frame.length + frame.crc;
    const example = exampleIn(file, start, start + length);
    const { encoded, label } = example;
    if (!encoded || label === undefined)
      throw new InputError(
        `${file.name}: record ${number}: expected the features image/encoded and image/class/label, ` +
          `got ${encoded ? 'no label' : 'no picture'}`,
      );
    const name = `${basename(file.name)}#${number}`;
    yield { name, label, file: place, ...encoded, record: at, synset: example.synset };
    at = start + length + frame.crc;
  }
}

/** Returns the length of the record at a byte. @throws InputError if it or its checksum is damaged */
function recordLength(file: RandomAccess, at: number): number {
  const head = file.read(at, frame.length + frame.crc);
  if (head.length < frame.length + frame.crc) throw truncated(file, at);
  if (maskedCrc32c(head.subarray(0, frame.length)) !== head.readUInt32LE(frame.length))
    throw new InputError(`${file.name}: expected a TFRecord at byte ${whole(at)}, got a length with a wrong checksum`);
  const length = Number(head.readBigUInt64LE(0));
  if (length > mostBytes || at + frame.length + 2 * frame.crc + length > file.size) throw truncated(file, at);
  return length;
}

const truncated = ({ name }: RandomAccess, at: number) =>
  new InputError(`${name}: expected whole records, got a file that ends within the record at byte ${whole(at)}`);

/** Returns the picture of a record after its checksum is compared. @throws InputError with the place of the damage */
export function readRecordPicture(file: RandomAccess, record: number, offset: number, length: number): Uint8Array {
  const bytes = recordLength(file, record);
  const start = record + frame.length + frame.crc;
  const content = file.read(start, bytes + frame.crc);
  if (content.length < bytes + frame.crc) throw truncated(file, record);
  if (maskedCrc32c(content.subarray(0, bytes)) !== content.readUInt32LE(bytes))
    throw new InputError(`${file.name}: the record at byte ${whole(record)} is damaged: its checksum differs`);
  return content.subarray(offset - start, offset - start + length);
}

interface Example {
  /** Where the picture's bytes are in the file. */
  encoded?: { offset: number; length: number };
  label?: number;
  synset?: string;
}

/**
 * Reads the protocol buffer Example { Features features = 1 }, Features { map<string, Feature> feature = 1 }. Values
 * that are not needed are skipped without being read.
 */
function exampleIn(file: RandomAccess, start: number, end: number): Example {
  const example: Example = {};
  for (const features of fields(file, start, end)) {
    if (features.number !== 1) continue;
    for (const entry of fields(file, features.offset, features.end)) {
      if (entry.number === 1) readFeature(file, entry, example);
    }
  }
  return example;
}

function readFeature(file: RandomAccess, entry: Field, example: Example): void {
  let key = '';
  let feature: Field | undefined;
  for (const field of fields(file, entry.offset, entry.end)) {
    if (field.number === 1) key = file.read(field.offset, Math.min(256, field.end - field.offset)).toString('utf8');
    else if (field.number === 2) feature = field;
  }
  if (!feature || !(key === 'image/encoded' || key === 'image/class/label' || key === 'image/class/synset')) return;
  for (const list of fields(file, feature.offset, feature.end)) {
    // BytesList bytes_list = 1, Int64List int64_list = 3; both have their values as field 1
    for (const value of fields(file, list.offset, list.end)) {
      if (list.number === 3 && key === 'image/class/label') {
        example.label ??= value.varint ?? varintAt(file, value.offset, value.end)[0];
      }
      if (list.number !== 1) continue;
      if (key === 'image/encoded') example.encoded ??= { offset: value.offset, length: value.end - value.offset };
      else if (key === 'image/class/synset')
        example.synset ??= file.read(value.offset, value.end - value.offset).toString('utf8');
    }
  }
}

interface Field {
  number: number;
  /** Its content in the file, if it has a length. */
  offset: number;
  end: number;
  /** Its value, if it is a number. */
  varint?: number;
}

/** Yields the fields of a message between two bytes of the file. @throws InputError for what is no message */
function* fields(file: RandomAccess, start: number, end: number): Generator<Field> {
  for (let at = start; at < end; ) {
    const [tag, afterTag] = varintAt(file, at, end);
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) {
      const [varint, next] = varintAt(file, afterTag, end);
      yield { number, offset: afterTag, end: next, varint };
      at = next;
    } else if (wire === 2) {
      const [length, offset] = varintAt(file, afterTag, end);
      if (offset + length > end) throw noMessage(file, at);
      yield { number, offset, end: offset + length };
      at = offset + length;
    } else if (wire === 1 || wire === 5) at = afterTag + (wire === 1 ? 8 : 4);
    else throw noMessage(file, at);
  }
}

const noMessage = ({ name }: RandomAccess, at: number) =>
  new InputError(`${name}: expected a record with an Example at byte ${whole(at)}, got something else`);

/** Returns a variable-length integer and where it ends. */
function varintAt(file: RandomAccess, at: number, end: number): [value: number, next: number] {
  const bytes = file.read(at, Math.min(10, end - at));
  let value = 0;
  for (const [place, byte] of bytes.entries()) {
    value += (byte & 0x7f) * 2 ** (7 * place);
    if (byte < 0x80) return [value, at + place + 1];
  }
  throw noMessage(file, at);
}
