// Exports a detector as an ONNX file with metadata, after it has been compared with the engine in onnxruntime.

import { renameSync, rmSync } from 'node:fs';
import { randn } from '../../engine/create.ts';
import { threads as engineThreads } from '../../engine/machine.ts';
import { Generator } from '../../engine/random.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { encodeModel } from '../../export/onnx/encode.ts';
import { loadRuntime } from '../../export/onnx/session.ts';
import { Failure } from '../../failure.ts';
import { nasnetVersion } from '../../version.ts';
import { writeWhole } from '../../whole-file.ts';
import type { Detector, FoundObjects } from '../detector.ts';
import type { DetectorDescription } from '../detector-file.ts';
import { headRules } from '../detector-settings.ts';
import { detectorGraph } from './detector-graph.ts';

export interface DetectorOnnxOptions {
  /** Objects with a lower score are left out. Default: the head's rule. */
  leastScore?: number;
  /** Pictures to compare on besides random ones: [1, 3, height, width] each. */
  images?: readonly Tensor[];
  /** Whether to compare with the engine. Default true. */
  verify?: boolean;
}

export interface DetectorComparison {
  pictures: number;
  objects: number;
  /** Largest difference of a corner in pixels, and of a score. */
  pixels: number;
  score: number;
}

/** Largest differences: corners in pixels of the input, scores. */
export const allowed = { pixels: 0.01, score: 1e-4 } as const;

const randomPictures = 2;

/**
 * Writes the file, if what it finds agrees with the engine.
 * @throws Failure if it does not, if onnxruntime is missing, or if the file cannot be written
 */
export async function exportDetector(
  path: string,
  detector: Detector,
  description: DetectorDescription,
  options: DetectorOnnxOptions = {},
): Promise<{ bytes: number; comparison?: DetectorComparison }> {
  const { leastScore = headRules[detector.plan.settings.head].leastScore, images = [], verify = true } = options;
  const graph = detectorGraph(detector.plan, detector.stateDict(), { leastScore });
  const { bytes, chunks } = encodeModel(graph, labelOf(description, leastScore));
  if (!verify) {
    writeWhole(path, chunks);
    return { bytes };
  }
  const unverified = `${path}.${process.pid}.unverified`;
  try {
    writeWhole(unverified, chunks);
    const comparison = await compareDetector(unverified, detector, images, leastScore);
    const isSame = comparison.pixels <= allowed.pixels && comparison.score <= allowed.score; // false for NaN
    if (!isSame)
      throw new Failure(
        `${path}: expected onnxruntime to find the engine's objects within ${allowed.pixels} pixels and ${allowed.score} of score, ` +
          `got ${comparison.pixels} and ${comparison.score}: nothing is written`,
      );
    renameSync(unverified, path);
    return { bytes, comparison };
  } catch (error) {
    rmSync(unverified, { force: true });
    throw error;
  }
}

/** Compares what both find in random pictures and in these; infinite differences if an object is missing. */
export async function compareDetector(
  model: string,
  detector: Detector,
  images: readonly Tensor[],
  leastScore: number,
): Promise<DetectorComparison> {
  const runtime = await loadRuntime();
  const session = await runtime.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    logSeverityLevel: 3, // errors only
    intraOpNumThreads: engineThreads(),
  }).catch((error: Error) => {
    throw new Failure(`${model}: onnxruntime refuses it (${error.message})`);
  });
  const { input } = detector.plan.settings;
  const generator = new Generator(1);
  const random = Array.from({ length: randomPictures }, () => randn([1, 3, ...input], { generator }));
  const comparison = { pictures: 0, objects: 0, pixels: 0, score: 0 };
  try {
    for (const [index, picture] of [...random, ...images].entries()) {
      // The second picture ends before the input does.
      const extent = index === 1 ? ([Math.ceil(input[0] * 0.7), input[1]] as const) : input;
      const [expected] = detector.detect(picture, [extent], { leastScore });
      const results = await session.run({
        images: new runtime.Tensor('float32', picture.toArray() as Float32Array, picture.shape),
        extent: new runtime.Tensor('float32', Float32Array.from(extent), [2]),
      });
      const labels = results.labels!.data as BigInt64Array;
      compareObjects(comparison, expected!, {
        boxes: results.boxes!.data as Float32Array,
        scores: results.scores!.data as Float32Array,
        labels: Int32Array.from(labels, Number),
      });
    }
  } finally {
    for (const picture of random) picture.dispose();
    await session.release();
  }
  return comparison;
}

/** Each object is compared with the nearest of its label, since objects of nearly equal scores may change places. */
function compareObjects(comparison: DetectorComparison, expected: FoundObjects, got: FoundObjects): void {
  comparison.pictures += 1;
  comparison.objects += expected.scores.length;
  if (expected.scores.length !== got.scores.length) comparison.pixels = Number.POSITIVE_INFINITY;
  for (const [object, label] of expected.labels.entries()) {
    let nearest = { pixels: Number.POSITIVE_INFINITY, score: Number.POSITIVE_INFINITY };
    for (const [other, otherLabel] of got.labels.entries()) {
      if (otherLabel !== label) continue;
      const corners = [0, 1, 2, 3].map((corner) =>
        Math.abs(expected.boxes[4 * object + corner]! - got.boxes[4 * other + corner]!),
      );
      const pixels = Math.max(...corners);
      const score = Math.abs(expected.scores[object]! - got.scores[other]!);
      if (pixels < nearest.pixels) nearest = { pixels, score };
    }
    comparison.pixels = Math.max(comparison.pixels, nearest.pixels);
    comparison.score = Math.max(comparison.score, nearest.score);
  }
}

function labelOf({ architecture, settings, categories, origin }: DetectorDescription, leastScore: number) {
  const json = { categories, settings, architecture, leastScore };
  const texts = Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)]);
  return {
    name: 'nasnet-detector',
    description:
      `A NASNet detector, ${origin}. images [1, 3, height, width]: red, green and blue from −1 to 1; extent: height and width of the ` +
      "picture within them. boxes: x1, y1, x2, y2 in pixels of images; labels: places in the metadata's categories.",
    producerVersion: nasnetVersion(),
    metadata: { ...Object.fromEntries(texts), origin } as Record<string, string>,
  };
}
