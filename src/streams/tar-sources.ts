// Indices of tar files: ImageNet's training pictures (a tar of a tar for each class), its validation pictures (flat)
// and WebDataset's shards (KEY.jpg next to KEY.cls or KEY.json).

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { imagenetClasses } from '../data/imagenet-classes.ts';
import { InputError } from '../failure.ts';
import { whole } from '../words.ts';
import { imagenetWnids, settleLabels, validationLabels, wnidIn } from './imagenet-labels.ts';
import type { OpenFiles, RandomAccess } from './random-access.ts';
import { listShards, numberedClasses, shardsName } from './shards.ts';
import { type Entry, indexOf, type StreamIndex, witnessOf } from './stream-index.ts';
import { type TarEntry, tarEntries } from './tar.ts';

const picture = /\.(jpe?g|png|webp)$/i;

/** Returns which kind of tar this is, by its first entry. */
export function tarKind(file: RandomAccess): 'classes' | 'validation' | 'web-dataset' {
  const { value: first } = tarEntries(file).next();
  if (!first) throw new InputError(`${file.name}: expected a tar file with pictures, got an empty one`);
  if (first.name.endsWith('.tar')) return 'classes';
  return /^(?:.*\/)?ILSVRC2012_val_\d{8}\.JPEG$/.test(first.name) ? 'validation' : 'web-dataset';
}

/** Lists a tar of tars, each with the pictures of the class that it is named after. */
export function classTarIndex(path: string, files: OpenFiles, onCount: (count: number) => void): StreamIndex {
  const file = files.file(path);
  const tars = [...tarEntries(file)].sort(byName);
  const stranger = tars.find(({ name }) => !name.endsWith('.tar'));
  if (stranger) throw new InputError(`${path}: expected a tar for each class, got also ${stranger.name}`);
  const entries = tars.flatMap(({ name: tar, offset, length }, label) => {
    const inner = [...tarEntries(file, offset, offset + length)].filter(({ name }) => picture.test(name)).sort(byName);
    onCount(inner.length);
    return inner.map((entry): Entry => ({ ...entry, name: `${classOf(tar)}/${basename(entry.name)}`, label }));
  });
  const classes = tars.map(({ name }) => classOf(name));
  return indexOf({ kind: 'tar', classes, paths: [path], witnesses: [witnessOf(path)], remarks: [], run: 1 }, entries);
}

const byName = ({ name: one }: TarEntry, { name: other }: TarEntry) => (one < other ? -1 : 1);
const classOf = (tar: string): string => basename(tar, '.tar');

/** The names under which the devkit lies next to the validation pictures. */
const devkitNames = ['ILSVRC2012_devkit_t12.tar.gz', 'ILSVRC2012_devkit_t12', 'ILSVRC2012_validation_ground_truth.txt'];

/** Returns the devkit: the one that is named, else one in the same folder. @throws InputError if there is none */
export function devkitFor(path: string, named: string | undefined): string {
  const devkit = named ?? devkitNames.map((name) => join(dirname(path), name)).find((each) => existsSync(each));
  if (devkit) return devkit;
  throw new InputError(
    `${path}: ImageNet's validation pictures have no classes in their names; expected the devkit ` +
      `(${devkitNames[0]}) next to them, or named`,
    { code: 'no-devkit' },
  );
}

/** Lists ImageNet's validation pictures, in their numbers' order. */
export function validationTarIndex(path: string, devkit: string, files: OpenFiles): StreamIndex {
  const found = [...tarEntries(files.file(path))].filter(({ name }) => picture.test(name)).sort(byName);
  const { labels, remarks } = validationLabels(devkit, files);
  const entries = found.map((entry): Entry => ({ ...entry, label: validationLabel(entry.name, labels, devkit) }));
  return indexOf(
    {
      kind: 'tar',
      classes: [...imagenetWnids],
      paths: [path],
      witnesses: [witnessOf(path), witnessOf(devkit)],
      remarks,
      run: 1,
    },
    entries,
  );
}

/** Returns the class of ILSVRC2012_val_00000001.JPEG. */
export function validationLabel(name: string, labels: readonly number[], devkit: string): number {
  const number = Number(/_val_(\d{8})\.\w+$/.exec(name)?.[1] ?? Number.NaN);
  const label = labels[number - 1];
  if (label !== undefined) return label;
  throw new InputError(
    `${devkit}: expected a class for ${name}, got ${whole(labels.length)} numbers for pictures 1 to ${labels.length}`,
  );
}

/** Lists WebDataset's shards in the order of their names, pictures as they are stored. */
export function webDatasetIndex(
  paths: readonly string[],
  files: OpenFiles,
  onCount: (count: number) => void,
): StreamIndex {
  const samples = listShards(paths, files, samplesOf, onCount);
  const where = shardsName(paths);
  const settled = settleLabels(
    where,
    samples.map(({ name, label }) => ({ number: label, wnid: wnidIn(name) })),
    0,
  );
  const classes = settled.imagenet ? [...imagenetWnids] : numberedClasses(settled.labels);
  const remarks = [
    ...settled.remarks,
    ...(settled.imagenet || classes.length !== imagenetClasses.length
      ? []
      : [`${where}: the classes are numbers; they are taken for the order that a network's classes have`]),
  ];
  return indexOf(
    { kind: 'tar', classes, paths: [...paths], witnesses: paths.map(witnessOf), remarks, run: 1 },
    samples.map((sample, place) => ({ ...sample, label: settled.labels[place]! })),
  );
}

interface Sample {
  picture?: TarEntry;
  label?: number | undefined;
}

/** Groups the entries of a shard by key: the name up to the first dot of its last part. */
function samplesOf(file: RandomAccess, place: number): Entry[] {
  const samples = new Map<string, Sample>();
  for (const entry of tarEntries(file)) {
    const [, key, ending] = /^((?:.*\/)?[^/.]*)\.(.*)$/.exec(entry.name) ?? [];
    if (key === undefined || basename(key) === '') continue;
    const sample = samples.get(key) ?? {};
    samples.set(key, sample);
    if (picture.test(entry.name)) sample.picture ??= entry;
    else if (ending === 'cls') sample.label = clsOf(file, entry);
    else if (ending === 'json') sample.label ??= jsonLabelOf(file, entry);
  }
  const entries: Entry[] = [];
  for (const [key, { picture, label }] of samples) {
    if (!picture) continue;
    if (label === undefined)
      throw new InputError(`${file.name}: expected a class (${key}.cls or ${key}.json) for ${picture.name}, got none`);
    entries.push({ ...picture, label, file: place });
  }
  if (entries.length === 0)
    throw new InputError(`${file.name}: expected pictures (KEY.jpg with KEY.cls), or a tar for each class, found none`);
  return entries;
}

/** Labels have some bytes; JSON has all that is known of a picture. */
const most = { cls: 64, json: 1 << 20 };

function clsOf(file: RandomAccess, { name, offset, length }: TarEntry): number {
  const text = file.read(offset, Math.min(length, most.cls)).toString('utf8').trim();
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InputError(`${file.name}: ${name}: expected a class as a number from 0, got ${JSON.stringify(text)}`);
}

function jsonLabelOf(file: RandomAccess, { offset, length }: TarEntry): number | undefined {
  try {
    const { label, cls } = JSON.parse(file.read(offset, Math.min(length, most.json)).toString('utf8'));
    const number: unknown = label ?? cls;
    return Number.isInteger(number) && (number as number) >= 0 ? (number as number) : undefined;
  } catch {
    return undefined; // no class in it: .cls has it, or the picture has none
  }
}
