// `nasnet convert FROM TO --format F`: writes pictures with boxes in another format, and says what their files lacked.

import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { type Command, Option } from 'commander';
import { type DetectionFormat, detectionFormats } from '../../detection-data/detection-format.ts';
import { type DetectionData, readDetectionData } from '../../detection-data/read-detection-data.ts';
import {
  checkTarget,
  pictureTreatments,
  reportName,
  unfinishedFolder,
  type Written,
  writeDetectionData,
} from '../../detection-data/write-detection-data.ts';
import { type Loss, lossesIn } from '../../detection-data/write-formats.ts';
import { InputError } from '../../failure.ts';
import { requireOutside } from '../../result-files.ts';
import { visible } from '../../visible.ts';
import { whole } from '../../words.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { logFaults, partWords } from './fault-words.ts';

interface Flags {
  format: DetectionFormat;
  fromFormat?: DetectionFormat;
  pictures?: string;
  images: (typeof pictureTreatments)[number];
  firstPixel?: 0 | 1;
  mend?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const help = `
FROM is COCO's JSON, VOC's XML or YOLO's data.yaml, or a folder of them; every part (train, val, test) is converted.
Faults are reported by kind with the first places. What can be mended in one way is mended; conflicts are refused unless
--mend accepts what is stated for each. What a format cannot hold is said with its count (docs/detection.md).

Examples:
  nasnet convert coco/annotations/instances_train2017.json yolo --format yolo
  nasnet convert VOCdevkit/VOC2012 coco --format coco
  nasnet convert my-labels/data.yaml voc --format voc --images copy --mend`;

export function registerConvert(program: Command): void {
  program
    .command('convert')
    .description('pictures with boxes between COCO, Pascal VOC and YOLO, with a report of their faults')
    .argument('<from>', 'a file or folder with boxes')
    .argument('<to>', 'a new folder')
    .addOption(new Option('--format <format>', 'of TO').choices(detectionFormats).makeOptionMandatory())
    .addOption(new Option('--from-format <format>', 'of FROM (default: what it looks like)').choices(detectionFormats))
    .option('--pictures <dir>', 'folder of the pictures of FROM (default: where its format has them)')
    .addOption(
      new Option('--images <how>', 'pictures in TO: further names of the files, copies, or none')
        .choices(pictureTreatments)
        .default('link'),
    )
    .addOption(
      new Option('--first-pixel <n>', 'VOC: number of the first pixel (default: 0 if a corner is 0, else 1)')
        .choices(['0', '1'])
        .argParser(firstPixel),
    )
    .option('--mend', 'accept what is stated for faults that are refused without it')
    .option('--overwrite', 'write into a folder that has files; those that are not replaced stay')
    .option('--json', 'one JSON document: faults, losses, counts')
    .addHelpText('after', help)
    .action(convert);
}

function firstPixel(text: string): 0 | 1 {
  if (text === '0' || text === '1') return Number(text) as 0 | 1;
  throw new InputError(`--first-pixel: expected 0 or 1, got ${JSON.stringify(text)}`);
}

async function convert(from: string, to: string, flags: Flags): Promise<void> {
  requireOutside(from, to);
  checkTarget(to, flags.overwrite);
  const { format, fromFormat, mend = false, pictures, images, overwrite, json } = flags;
  const block = new LiveBlock(process.stderr);
  const progress = (what: string) => (done: number, total: number) => {
    if (done % 100 === 0) block.draw([`  ${what} ${whole(done)} of ${whole(total)} pictures`]);
  };
  const data = await readDetectionData(from, {
    format: fromFormat,
    pictures,
    firstPixel: flags.firstPixel,
    mend,
    onProgress: progress('Reading'),
    onFaults: (faults) => logFaults(block, faults, mend),
  });
  const losses = lossesIn(format, data.parts);
  for (const { what, count } of losses)
    block.log(`Not kept, since ${titles[format]} has no place for them: ${whole(count)} ${what}`);
  const report = documentOf(data, losses, format);
  using _ = leaveNothingWhenStopped(to);
  const written = await writeDetectionData(to, format, data.parts, {
    pictures: images,
    overwrite,
    report,
    onProgress: progress('Writing'),
  });
  block.draw([]);
  if (json) printDocument({ ...report, ...written });
  else printWords(`${data.parts.map(partWords).join('\n')}\n${writtenWords(to, format, written)}\n`);
}

/** Removes the unfinished folder at Ctrl-C or SIGTERM. Unlike terminal/interrupt.ts it needs no engine. */
function leaveNothingWhenStopped(to: string): Disposable {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const stop = (signal: (typeof signals)[number]) => {
    rmSync(unfinishedFolder(to), { recursive: true, force: true });
    process.stderr.write(`nasnet: stopped before ${visible(to)} was complete; nothing of it is there\n`);
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.on(signal, stop);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

const writtenWords = (to: string, format: DetectionFormat, { files, pictures }: Written): string =>
  `${to}: ${whole(files)} files of ${titles[format]}, ${whole(pictures)} pictures, and ${reportName} with what was found`;

const titles: Record<DetectionFormat, string> = { coco: 'COCO', voc: 'Pascal VOC', yolo: 'YOLO' };

function documentOf({ format, parts, faults }: DetectionData, losses: readonly Loss[], to: DetectionFormat) {
  return {
    from: format,
    to,
    parts: parts.map(({ name, dataset: { categories, pictures } }) => ({
      name,
      pictures: pictures.length,
      boxes: pictures.reduce((sum, { boxes }) => sum + boxes.length, 0),
      classes: categories.length,
    })),
    faults: faults.report(),
    losses,
  };
}
