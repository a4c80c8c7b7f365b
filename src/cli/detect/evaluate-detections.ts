// `nasnet detect evaluate`: compares detections with the truth as COCO does. Without a model it loads no engine.

import type { Command } from 'commander';
import { type Evaluation, evaluateDetections } from '../../coco/evaluation.ts';
import { averagePrecision, averageRecall, numberNames, twelveNumbers } from '../../coco/twelve-numbers.ts';
import { readCocoFile } from '../../detection-data/coco-file.ts';
import type { Category } from '../../detection-data/detection-dataset.ts';
import { readDetectionsFile } from '../../detection-data/detections-file.ts';
import { Faults } from '../../detection-data/faults.ts';
import { visible } from '../../visible.ts';
import { percent, whole } from '../../words.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { alignColumns } from '../terminal/columns.ts';

interface Flags {
  groundTruth: string;
  detections: string;
  asPycocotools?: boolean;
  json?: boolean;
}

export function registerEvaluateDetections(detect: Command): void {
  detect
    .command('evaluate')
    .description("COCO's twelve numbers, precision and recall of each class, the worst pictures")
    .requiredOption('--ground-truth <file>', 'COCO annotations: images, categories, annotations')
    .requiredOption('--detections <file>', 'a list of image_id, category_id, bbox and score, as COCO takes them')
    .option('--as-pycocotools', 'what pycocotools computes, also where it is known to be wrong (docs/detection.md)')
    .option('--json', 'one JSON document')
    .action(evaluate);
}

async function evaluate({ groundTruth, detections: path, asPycocotools = false, json }: Flags): Promise<void> {
  const faults = new Faults();
  const truth = readCocoFile(groundTruth, faults, { asPycocotools });
  const { detections } = readDetectionsFile(path, truth);
  const evaluation = evaluateDetections(truth, detections, { asPycocotools });
  const numbers = twelveNumbers(evaluation);
  if (json) printDocument({ ...numbers, classes: classRows(truth.categories, evaluation) });
  else printWords(numberNames.map((name) => `${name} ${percent(numbers[name])}\n`).join(''));
  void [alignColumns, visible, whole];
}

function classRows(categories: readonly Category[], evaluation: Evaluation) {
  return categories.map(({ id, name }, category) => ({
    id,
    name,
    AP: averagePrecision(evaluation, { category }),
    AP50: averagePrecision(evaluation, { category, threshold: 0.5 }),
    AR100: averageRecall(evaluation, 100, { category }),
  }));
}
