// `nasnet detect evaluate`: compares detections with the truth as COCO does. Without a model it loads no engine.

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Detection } from '../../coco/box.ts';
import { readCocoFile } from '../../detection-data/coco-file.ts';
import { readDetectionsFile } from '../../detection-data/detections-file.ts';
import { Faults } from '../../detection-data/faults.ts';
import { findPictures } from '../../detection-data/read-detection-data.ts';
import { reportNames } from '../../detection-report/report-detections.ts';
import { InputError } from '../../failure.ts';
import { ResultFiles } from '../../result-files.ts';
import { whole } from '../../words.ts';
import { wholeNumber } from '../flags/parsers.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { shellPath } from '../terminal/shell-path.ts';
import { addDetectionDataFlags } from './detection-flags.ts';
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
the worst pictures with missed and wrong boxes; ${reportNames.numbers} has the same as numbers.

Examples:
  nasnet detect evaluate detector.safetensors --dataset coco -o report
  nasnet detect evaluate --ground-truth instances_val2017.json --detections results.json
  nasnet detect evaluate --ground-truth instances_val2017.json --detections results.json --pictures val2017 -o report
  nasnet detect evaluate --ground-truth gt.json --detections dt.json --as-pycocotools --json`;

export function registerEvaluateDetections(detect: Command): void {
  const command = detect
    .command('evaluate')
    .description("COCO's twelve numbers, precision and recall of each class, the worst pictures")
    .argument('[model]', 'weights that detect train wrote, which find the objects of --dataset')
    .option('--dataset <path>', 'for MODEL: COCO JSON, Pascal VOC XML or YOLO text, a file of annotations or a folder')
    .option('--part <name>', 'of the dataset (default: the only one, val or test)')
    .option('--ground-truth <file>', 'without MODEL: COCO annotations: images, categories, annotations')
    .option('--detections <file>', 'a list of image_id, category_id, bbox and score, as COCO takes them')
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
  return evaluateFiles({ ...flags, groundTruth, detections });
}

async function evaluateFiles({
  groundTruth,
  detections: path,
  asPycocotools = false,
  pictures,
  ...flags
}: Flags & { groundTruth: string; detections: string }): Promise<void> {
  const block = new LiveBlock(process.stderr);
  const results = new ResultFiles({
    of: `detect evaluate ${groundTruth} ${path}`,
    inputs: [groundTruth, path],
    overwrite: flags.overwrite,
  });
  block.draw([`  Reading ${groundTruth}`]);
  const faults = new Faults();
  const truth = readCocoFile(groundTruth, faults, { asPycocotools });
  if (truth.categories.length > mostCategories)
    throw new InputError(
      `${groundTruth}: expected at most ${whole(mostCategories)} categories, got ${whole(truth.categories.length)}`,
    );
  block.draw([`  Reading ${path}`]);
  const { detections, unknownCategories } = readDetectionsFile(path, truth, { asPycocotools });
  block.draw([]);
  const notes = [...faults.words(true, ordinary), ...detectionNotes(detections, unknownCategories)];
  for (const note of notes) block.log(note);
  if (flags.output !== undefined) findPictures(groundTruth, truth, pictures);
  const command = `nasnet detect evaluate --ground-truth ${shellPath(groundTruth)} --detections ${shellPath(path)}${asPycocotools ? ' --as-pycocotools' : ''}`;
  await showEvaluation(
    { dataset: truth, detections, asPycocotools, title: `Detections of ${path}`, command, faults, notes },
    flags,
    results,
  );
}

/** Curves of one category have 65 kB; LVIS has 1,203. */
const mostCategories = 20_000;

/** Faults that COCO's own files also have, and those that change no number. */
const ordinary = ['polygons', 'gaps-in-ids', 'crowds'] as const;

/** Returns sentences about detections that count nowhere. */
function detectionNotes(detections: readonly Detection[], unknown: ReadonlyMap<unknown, number>): string[] {
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
