// ImageNet's labels where a source names pictures by WordNet identifiers and numbers them, too. The devkit's numbers
// are not the sorted order of the identifiers: a network trained with one and tested with the other is right once in a
// thousand.

import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { imagenetClasses } from '../data/imagenet-classes.ts';
import { InputError } from '../failure.ts';
import { whole } from '../words.ts';
import { inMemory, type OpenFiles } from './random-access.ts';
import { tarEntries } from './tar.ts';

const byWnid = new Map(imagenetClasses.map(({ wnid, devkitNumber }, label) => [wnid, { label, devkitNumber }]));
const labelOfDevkit = new Map(imagenetClasses.map(({ devkitNumber }, label) => [devkitNumber, label]));

export const imagenetWnids: readonly string[] = imagenetClasses.map(({ wnid }) => wnid);

/** A label as a source has it, and the identifier that it gives next to it or in the picture's name. */
export interface NumberedLabel {
  number: number;
  wnid?: string | undefined;
}

/** Returns the identifier at the beginning of a name: n01440764_10026. */
export const wnidIn = (name: string): string | undefined => /(?:^|\/)(n\d{8})(?=[_./]|$)/.exec(name)?.[1];

/** How numbers may count ImageNet's classes. */
const orders = {
  'sorted from 0': (label: number) => label,
  'sorted from 1': (label: number) => label + 1,
  'the devkit': (label: number) => imagenetClasses[label]!.devkitNumber,
} as const;

/**
 * Returns the classes' places in the order of sorted identifiers. Where pictures have identifiers, these decide, and a
 * remark says if the numbers are the devkit's or count from elsewhere than expected.
 * @param first the number of the first class by the format's rule
 * @throws InputError with the picture whose number fits no order
 */
export function settleLabels(
  where: string,
  labels: readonly NumberedLabel[],
  first: 0 | 1,
): { labels: number[]; remarks: string[]; imagenet: boolean } {
  const known = labels.filter(({ wnid }) => wnid !== undefined && byWnid.has(wnid));
  if (known.length < labels.length || labels.length === 0)
    return { labels: labels.map(({ number }) => number - first), remarks: [], imagenet: false };
  const expected = first === 0 ? 'sorted from 0' : 'sorted from 1';
  const order = (Object.keys(orders) as (keyof typeof orders)[]).find((each) =>
    known.every(({ number, wnid }) => number === orders[each](byWnid.get(wnid!)!.label)),
  );
  if (!order) {
    const wrong = known.find(({ number, wnid }) => number !== byWnid.get(wnid!)!.label + first)!;
    throw new InputError(
      `${where}: expected one number for each WordNet identifier, in their sorted order or in the devkit's; ` +
        `got ${wrong.number} for ${wrong.wnid}`,
    );
  }
  const remarks =
    order === expected
      ? []
      : [
          `${where}: the labels count ImageNet's classes as ${order} does, not as ${expected}; ` +
            'the WordNet identifiers decide',
        ];
  return { labels: known.map(({ wnid }) => byWnid.get(wnid!)!.label), remarks, imagenet: true };
}

/** Labels in sorted order of the first validation pictures, which every list of them must agree with. */
const firstValidation = ['n01751748', 'n09193705', 'n02105855', 'n04263257', 'n03125729'].map(
  (wnid) => byWnid.get(wnid)!.label,
);

const truthName = 'ILSVRC2012_validation_ground_truth.txt';

/**
 * Returns the labels of the validation pictures 1, 2, …, in the order of sorted identifiers.
 * @param devkit the devkit's archive, its folder, or the file of numbers
 * @throws InputError if its first numbers are not the devkit's
 */
export function validationLabels(devkit: string, files: OpenFiles): { labels: number[]; remarks: string[] } {
  const numbers = truthText(devkit, files)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map(Number);
  const wrong = numbers.findIndex((number) => !labelOfDevkit.has(number) && number !== 0);
  if (wrong !== -1)
    throw new InputError(`${devkit}: expected a number from 1 to 1000 on each line, got line ${wrong + 1}`);
  const matches = (order: keyof typeof orders) =>
    firstValidation.every((label, place) => place >= numbers.length || numbers[place] === orders[order](label));
  if (matches('the devkit')) return { labels: numbers.map((number) => labelOfDevkit.get(number)!), remarks: [] };
  const order = (['sorted from 0', 'sorted from 1'] as const).find(matches);
  if (!order)
    throw new InputError(
      `${devkit}: expected the devkit's numbers of the ${whole(50_000)} validation pictures (490, 361, 171 …), ` +
        `got ${numbers.slice(0, 3).join(', ')} …`,
    );
  const first = order === 'sorted from 0' ? 0 : 1;
  return {
    labels: numbers.map((number) => number - first),
    remarks: [`${devkit}: the numbers are in the order of sorted WordNet identifiers, not the devkit's; read as such`],
  };
}

function truthText(devkit: string, files: OpenFiles): string {
  const status = statSync(devkit, { throwIfNoEntry: false });
  if (!status) throw new InputError(`${devkit}: expected ImageNet's devkit, got no such file`);
  if (status.isDirectory()) {
    const path = [join(devkit, 'data', truthName), join(devkit, truthName)].find((each) =>
      statSync(each, { throwIfNoEntry: false })?.isFile(),
    );
    if (!path) throw new InputError(`${devkit}: expected the devkit with data/${truthName}, found no such file`);
    return readFileSync(path, 'utf8');
  }
  const bytes = files.read(devkit, 0, status.size);
  if (!/\.(tar|gz|tgz)$/.test(devkit)) return bytes.toString('utf8');
  const tar = inMemory(devkit, bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);
  for (const { name, offset, length } of tarEntries(tar))
    if (basename(name) === truthName) return tar.read(offset, length).toString('utf8');
  throw new InputError(`${devkit}: expected the devkit with ${truthName}, found no such file in it`);
}
