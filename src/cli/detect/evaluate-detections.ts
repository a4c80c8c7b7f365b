// `nasnet detect evaluate`: compares detections with the truth as COCO does. Without a model it loads no engine.

import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { cocoPartName, readCocoFile } from '../../detection-data/coco-file.ts';
import { cocoFiles, detectionFormat } from '../../detection-data/detection-format.ts';
import {
  type DetectionsFile,
  type DetectionTargets,
  readDetectionsFile,
  targetsByName,
} from '../../detection-data/detections-file.ts';
import { Faults } from '../../detection-data/faults.ts';
import { findPictures } from '../../detection-data/read-detection-data.ts';
import type { EvaluatedDataset } from '../../detection-report/detection-findings.ts';
import { reportNames } from '../../detection-report/report-detections.ts';
import { InputError } from '../../failure.ts';
import { ResultFiles } from '../../result-files.ts';
import { shellPath } from '../../shell-path.ts';
import { percent, whole } from '../../words.ts';
import { wholeNumber } from '../flags/parsers.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { addDetectionDataFlags, evaluatedPart, readDataset } from './detection-flags.ts';
import type { ModelEvaluationFlags } from './evaluate-model.ts';
import { pictureSize } from './picture-size-flag.ts';
import { addEvaluationFlags, showEvaluation } from './show-evaluation.ts';

interface Flags extends ModelEvaluationFlags {
  groundTruth?: string;
  detections?: string;
  asPycocotools?: boolean;
}

const help = `
AP and AR are COCO's, to the last digit (docs/detection.md). With -o, ${reportNames.page} has the curves, every class and
the worst pictures with missed and wrong boxes; ${reportNames.numbers} has the same as numbers. VOC and YOLO have no ids: with them
image_id is the name of a picture's file and category_id that of a class. detect run writes both.

Examples:
  nasnet detect evaluate detector.safetensors --dataset coco -o report
  nasnet detect evaluate --ground-truth instances_val2017.json --detections results.json
  nasnet detect evaluate --ground-truth VOC2012 --part val --detections found/detections.json    of detect run -o found
  nasnet detect evaluate --ground-truth instances_val2017.json --detections results.json --pictures val2017 -o report
  nasnet detect evaluate --ground-truth gt.json --detections dt.json --as-pycocotools --json`;

export function registerEvaluateDetections(detect: Command): void {
  const command = detect
    .command('evaluate')
    .description("COCO's twelve numbers, precision and recall of each class, the worst pictures")
    .argument('[model]', 'weights that detect train wrote, which find the objects of --dataset')
    .option('--dataset <path>', 'for MODEL: COCO JSON, Pascal VOC XML or YOLO text, a file of annotations or a folder')
    .option('--part <name>', 'of the dataset (default: the only one, val or test)')
    .option('--ground-truth <file>', 'without MODEL: a file of COCO annotations, or a dataset of COCO, VOC or YOLO')
    .option(
      '--detections <file>',
      'a list of image_id, category_id, bbox and score as COCO has it, or what detect run wrote',
    )
    .option('--as-pycocotools', 'what pycocotools computes, also where it is known to be wrong');
  addDetectionDataFlags(command)
    .option('--size <pixels>', "for MODEL: H or HxW of its pictures (default: the detector's)", pictureSize('--size'))
    .option('--together <n>', 'for MODEL: proposals in the second stage at once', wholeNumber('--together'), 100)
    .option('--device <name>', 'for MODEL: auto, cpu, cuda or cuda:N', 'auto') // device-flags.ts would load the engine
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addEvaluationFlags(command).addHelpText('after', help).action(evaluate);
}

async function evaluate(model: string | undefined, flags: Flags): Promise<void> {
  const { groundTruth, detections } = flags;
  if (model !== undefined) {
    const other = (['groundTruth', 'detections', 'asPycocotools'] as const).find((name) => flags[name] !== undefined);
    const name =
      other === 'groundTruth' ? '--ground-truth' : `--${other === 'asPycocotools' ? 'as-pycocotools' : other}`;
    if (other) throw new InputError(`${name}: expected it without a model, got both`);
    return (await import('./evaluate-model.ts')).evaluateModel(model, flags); // which loads the engine
  }
  if (groundTruth === undefined || detections === undefined) {
    const missing = groundTruth === undefined ? '--ground-truth' : '--detections';
    throw new InputError(`${missing}: expected a file, or a model with --dataset, got neither`);
  }
  return evaluateFiles({ ...flags, groundTruth: truthPath({ ...flags, groundTruth }), detections });
}

/** Returns the file of annotations to evaluate in a folder of COCO's; any other path as it is. */
function truthPath({ groundTruth: path, format, part }: TruthFlags): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (!isFolder || (format ?? detectionFormat(path)) !== 'coco') return path;
  const files = cocoFiles(path).map((file) => ({ name: cocoPartName(file), dataset: file }));
  return evaluatedPart(path, files, part);
}

async function evaluateFiles(flags: Flags & { groundTruth: string; detections: string }): Promise<void> {
  const { groundTruth, detections: path, asPycocotools = false } = flags;
  const block = new LiveBlock(process.stderr);
  const results = new ResultFiles({
    of: `detect evaluate ${groundTruth} ${path}`,
    inputs: [groundTruth, path],
    overwrite: flags.overwrite,
  });
  block.draw([`  Reading ${groundTruth}`]);
  const { dataset, targets, faults } = isCoco(flags)
    ? cocoTruth(flags, asPycocotools)
    : await namedTruth(flags, asPycocotools, block);
  if (targets.categories.length > mostCategories)
    throw new InputError(
      `${groundTruth}: expected at most ${whole(mostCategories)} categories, got ${whole(targets.categories.length)}`,
    );
  block.draw([`  Reading ${path}`]);
  const read = readDetectionsFile(path, targets, { asPycocotools });
  const { detections } = read;
  block.draw([]);
  const notes = [
    ...(isCoco(flags) ? faults.words(true, ordinary) : []), // readDataset says its own
    ...detectionNotes(read),
    ...runNotes(path, read, dataset),
  ];
  for (const note of notes) block.log(note);
  const command = `nasnet detect evaluate --ground-truth ${shellPath(groundTruth)} --detections ${shellPath(path)}${asPycocotools ? ' --as-pycocotools' : ''}`;
  await showEvaluation(
    { dataset, detections, asPycocotools, title: `Detections of ${path}`, command, faults, notes },
    flags,
    results,
  );
}

/** The truth, and by what detections name its pictures and categories. */
interface Truth {
  dataset: EvaluatedDataset;
  targets: DetectionTargets;
  faults: Faults;
}

type TruthFlags = Flags & { groundTruth: string };

/** Whether the truth is a file of COCO's, which may have any name. */
function isCoco({ groundTruth, format }: TruthFlags): boolean {
  if (format !== undefined) return format === 'coco';
  const isFolder = statSync(groundTruth, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return !isFolder && !/\.(xml|ya?ml)$/i.test(groundTruth);
}

function cocoTruth({ groundTruth, output, pictures }: TruthFlags, asPycocotools: boolean): Truth {
  const faults = new Faults();
  const truth = readCocoFile(groundTruth, faults, { asPycocotools });
  if (output !== undefined) findPictures(groundTruth, truth, pictures); // to draw the worst
  return { dataset: truth, targets: truth, faults };
}

/** Reads a VOC or YOLO dataset. */
async function namedTruth(flags: TruthFlags, asPycocotools: boolean, block: LiveBlock): Promise<Truth> {
  const { groundTruth: path, part } = flags;
  if (asPycocotools) throw new InputError(`--as-pycocotools: expected it with COCO annotations, got ${path}`);
  const { parts, faults } = await readDataset(path, flags, block);
  const dataset = evaluatedPart(path, parts, part);
  return { dataset, targets: targetsByName(dataset), faults };
}

/** Curves of one category have 65 kB; LVIS has 1,203. */
const mostCategories = 20_000;

/** Faults that COCO's own files also have, and those that change no number. */
const ordinary = ['polygons', 'gaps-in-ids', 'crowds'] as const;

/** Returns sentences about detections that count nowhere. */
function detectionNotes({ detections, unknownCategories: unknown }: DetectionsFile): string[] {
  const notes: string[] = [];
  const count = [...unknown.values()].reduce((sum, each) => sum + each, 0);
  if (count > 0) {
    const ids = [...unknown.keys()].slice(0, 5).map((id) => JSON.stringify(id));
    notes.push(
      `${whole(count)} detections of classes that the ground truth does not list count nowhere: category_id ${ids.join(', ')}${unknown.size > 5 ? ' …' : ''}`,
    );
  }
  if (detections.length === 0) notes.push('There is no detection to evaluate (pycocotools stops at an empty list)');
  return notes;
}

/** Returns sentences about what a file of detect run lacks for COCO's numbers. */
function runNotes(path: string, { run }: DetectionsFile, { pictures }: EvaluatedDataset): string[] {
  if (run === undefined) return [];
  const notes: string[] = [];
  const missing = pictures.length - run.pictures;
  if (missing > 0)
    notes.push(
      `${path} has ${whole(run.pictures)} of ${whole(pictures.length)} pictures; the objects of the others count as missed`,
    );
  if (run.leastScore !== undefined && run.leastScore > usualLeast)
    notes.push(
      `${path} has objects with a score above ${percent(run.leastScore)} only; AP counts lower ones too: detect run --least-score ${usualLeast}`,
    );
  return notes;
}

/** The least score of a detector of `fpn`; objects below it change AP little. */
const usualLeast = 0.05;
