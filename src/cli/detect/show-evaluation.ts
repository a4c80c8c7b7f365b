// Evaluates detections as COCO does and shows the result: words, a document, a page. Whoever made the detections calls
// it.

import type { Command } from 'commander';
import type { Detection } from '../../coco/box.ts';
import { evaluateDetections } from '../../coco/coco-evaluation.ts';
import { numberNames, type TwelveNumbers } from '../../coco/twelve-numbers.ts';
import type { Faults } from '../../detection-data/faults.ts';
import {
  type ClassFinding,
  type DetectionFindings,
  detectionFindings,
  type EvaluatedDataset,
} from '../../detection-report/detection-findings.ts';
import { numberMeanings, shareWords } from '../../detection-report/number-words.ts';
import { reportNames, writeDetectionReport } from '../../detection-report/report-detections.ts';
import { overwriteHelp, type ResultFiles } from '../../result-files.ts';
import { visible } from '../../visible.ts';
import { whole } from '../../words.ts';
import { countFromZero } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { alignColumns } from '../terminal/columns.ts';

/** How an evaluation is shown, whoever made the detections. */
export interface EvaluationFlags {
  output?: string;
  worst: number;
  overwrite?: boolean;
  json?: boolean;
}

/** Adds the flags of `EvaluationFlags`. */
export const addEvaluationFlags = (command: Command): Command =>
  command
    .option('-o, --output <dir>', 'folder for a page with curves and the worst pictures, and all numbers as JSON')
    .option('--worst <n>', 'pictures to draw in the page', countFromZero('--worst'), 12)
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document');

export interface EvaluationToShow {
  dataset: EvaluatedDataset;
  detections: readonly Detection[];
  asPycocotools?: boolean;
  title: string;
  /** The settings that determine the evaluation. */
  command: string;
  faults: Faults;
  notes: readonly string[];
}

/** Evaluates detections, writes the page if a folder is named, and prints the numbers. */
export async function showEvaluation(
  { asPycocotools = false, faults, ...shown }: EvaluationToShow,
  { output, worst, json }: EvaluationFlags,
  results: ResultFiles,
): Promise<void> {
  const { dataset, detections } = shown;
  if (output !== undefined) results.check(...Object.values(reportNames).map((name) => `${output}/${name}`));
  const evaluation = evaluateDetections(dataset, detections, { asPycocotools });
  const findings = detectionFindings(dataset, detections, evaluation);
  const report = { ...shown, evaluation, findings, faults: faults.report(), worst };
  const files = output === undefined ? [] : await writeDetectionReport(output, report, results);
  if (json) printDocument(documentOf(findings, faults, files));
  else printWords(wordsOf(findings, files));
}

function documentOf(
  { numbers, classes, pictures, objects, crowds, detections, workingPoint }: DetectionFindings,
  faults: Faults,
  files: string[],
) {
  return { ...numbers, pictures, objects, crowds, detections, workingPoint, classes, faults: faults.report(), files };
}

/** Formats COCO's twelve numbers, a line each. */
export function numberLines(numbers: TwelveNumbers): string[] {
  const rows = numberNames.map((name) => [name, shareWords(numbers[name]), numberMeanings[name]]);
  return alignColumns(rows, 'lrl').map((line) => `  ${line}`);
}

const everyClass = 20;
const extremes = 5;

function wordsOf(
  { numbers, classes, pictures, objects, detections }: DetectionFindings,
  files: readonly string[],
): string {
  return [
    `${whole(detections)} detections on ${whole(pictures)} pictures with ${whole(objects)} objects`,
    ...numberLines(numbers),
    ...classRows(classes.filter((each) => each.objects > 0)),
    ...files,
    '',
  ].join('\n');
}

function classRows(classes: readonly ClassFinding[]): string[] {
  const sorted = classes.toSorted((one, other) => other.AP - one.AP);
  const few = sorted.length <= everyClass;
  const shown = few ? sorted : [...sorted.slice(0, extremes), ...sorted.slice(-extremes)];
  const rows = shown.map(({ name, AP, AP50, objects }) => [
    visible(name),
    shareWords(AP),
    shareWords(AP50),
    whole(objects),
  ]);
  const lines = alignColumns([['class', 'AP', 'AP50', 'objects'], ...rows], 'lr').map((line) => `  ${line}`);
  if (few) return lines;
  return [
    ...lines.slice(0, extremes + 1),
    `  and ${whole(sorted.length - 2 * extremes)} more, down to`,
    ...lines.slice(extremes + 1),
  ];
}
