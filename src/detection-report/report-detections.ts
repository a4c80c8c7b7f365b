// Writes an evaluation of detections into a folder: the page and all numbers as JSON.

import type { Detection } from '../coco/box.ts';
import type { Evaluation } from '../coco/coco-evaluation.ts';
import { recallPoints } from '../coco/coco-settings.ts';
import type { FaultReport } from '../detection-data/faults.ts';
import type { ResultFiles } from '../result-files.ts';
import { classCurve, type DetectionFindings, type EvaluatedDataset } from './detection-findings.ts';
import { renderDetectionPage } from './detection-page.ts';
import { drawWorst } from './worst-pictures.ts';

export interface DetectionReport {
  title: string;
  command: string;
  dataset: EvaluatedDataset;
  detections: readonly Detection[];
  evaluation: Evaluation;
  findings: DetectionFindings;
  faults: readonly FaultReport[];
  /** Sentences about the files. */
  notes: readonly string[];
  /** Pictures to draw. */
  worst: number;
}

export const reportNames = { page: 'detections.html', numbers: 'detections.json' } as const;

/** Writes detections.html and detections.json; returns their paths. */
export async function writeDetectionReport(
  folder: string,
  report: DetectionReport,
  results: ResultFiles,
): Promise<string[]> {
  const { dataset, detections, findings, worst } = report;
  const drawn = await drawWorst(dataset, detections, findings, worst);
  return results.write(folder, {
    [reportNames.page]: renderDetectionPage({ ...report, worst: drawn }),
    [reportNames.numbers]: `${JSON.stringify(reportDocument(report), null, 1)}\n`,
  });
}

function reportDocument({ dataset, findings, evaluation, faults, worst }: DetectionReport) {
  const { classes, curves, errors, workingPoint, numbers, ...counts } = findings;
  return {
    ...numbers,
    ...counts,
    workingPoint,
    recalls: recallPoints.map((recall) => Number(recall.toFixed(2))),
    curves,
    classes: classes.map((each, category) => ({
      ...each,
      ...(each.objects > 0 && {
        precision50: classCurve(evaluation, category, 0),
        precision75: classCurve(evaluation, category, 5),
      }),
    })),
    worst: errors.slice(0, worst).map(({ picture, missed, wrong, right }) => ({
      picture: dataset.pictures[picture]!.name,
      missed: missed.length,
      wrong: wrong.length,
      right: right.length,
    })),
    faults,
  };
}
