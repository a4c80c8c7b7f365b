// `nasnet export --int8`: finds the images that ranges and accuracy are measured on, and says what 8 bits cost and
// gain. The file itself is that of src/export/onnx/int8.

import { existsSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { classes as cifar10Classes } from '../../data/cifar10-files.ts';
import { imageFilesBelow } from '../../data/image-files.ts';
import { free } from '../../engine/memory.ts';
import { cat } from '../../engine/operators.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { exportOnnx, requireSmallDifference } from '../../export/onnx/export-onnx.ts';
import { compareAnswers, type Int8Accuracy } from '../../export/onnx/int8/accuracy.ts';
import { encodeInt8, type Int8Record, int8Graph } from '../../export/onnx/int8/export-int8.ts';
import { type OnnxSession, openSession } from '../../export/onnx/session.ts';
import { verifyOnnx } from '../../export/onnx/verify.ts';
import { Failure, InputError, Interruption } from '../../failure.ts';
import { timeInTurns } from '../../latency/timing.ts';
import { type ModelDescription, planOf } from '../../model/model-file.ts';
import type { Network } from '../../model/network.ts';
import { batchWithinMemory } from '../../plan/evaluation-batch.ts';
import { RandomStream } from '../../random/stream.ts';
import { median } from '../../statistics/order.ts';
import type { EvaluatedImages } from '../../train/image-source.ts';
import { fileSource, type ImageSource } from '../../train/image-source.ts';
import { temporaryFolder, writeWhole } from '../../whole-file.ts';
import { millisecondsWords, percent, whole } from '../../words.ts';
import { findEvaluatedImages } from '../evaluated-images.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import type { Int8Settings } from './int8-flags.ts';
import { sizeWords } from './size-words.ts';

export interface Int8Job extends Int8Settings {
  model: string;
  output: string;
  network: Network;
  description: ModelDescription;
  /** Whether to compare the float32 network with the engine's first. */
  verify: boolean;
  verifyWith: Tensor | undefined;
  seed: number;
  block: LiveBlock;
  signal: AbortSignal;
}

export interface Int8Export {
  bytes: number;
  float32Bytes: number;
  nodes: number;
  /** How the float32 network's logits in onnxruntime differ from the engine's. */
  verification: { images: number; largestDifference: number | undefined };
  record: Int8Record;
  speed: Speed[];
}

interface Speed {
  batch: number;
  threads: number;
  /** Medians of a batch. */
  milliseconds: { float32: number; int8: number };
}

/**
 * Writes the file to `path`.
 * @throws InputError for images that are not of the network's classes or size, and for none; Interruption if the signal
 *   is aborted; Failure if onnxruntime is missing, or computes something else than the engine with float32
 */
export async function writeInt8(path: string, job: Int8Job): Promise<Int8Export> {
  const folder = temporaryFolder(tmpdir());
  try {
    return await write(path, folder, job);
  } catch (error) {
    if (job.signal.aborted) throw new Interruption(`${job.output}: stopped, nothing is written`);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function write(path: string, folder: string, job: Int8Job): Promise<Int8Export> {
  const { network, description, ranges, weightBits, seed, block, signal } = job;
  const { name, calibration, test, labelled } = await findImages(job);
  const threads = availableParallelism();
  const float32File = join(folder, 'float32.onnx');
  const float32 = await exportOnnx(float32File, network, description, { verify: false });
  const verification = job.verify ? await verify(float32File, job) : { images: 0, largestDifference: undefined };

  const images = await readImages(calibration, job);
  const onProgress = (share: number) => block.draw([`  ranges of activations, ${percent(share, 0)}`]);
  const graph = await int8Graph(network, images, { ranges, weightBits, threads, signal, onProgress });
  const record: Int8Record = {
    weightBits,
    activationBits: 8,
    ranges,
    calibration: { images: images.shape[0]!, of: name, seed },
  };
  images.dispose();

  const int8File = join(folder, 'int8.onnx');
  writeWhole(int8File, encodeInt8(graph, description, record).chunks);
  const sessions = [await openSession(float32File, { threads }), await openSession(int8File, { threads })] as const;
  try {
    const accuracy = await compareAnswers(...sessions, test.batches(0), {
      labelled,
      signal,
      onProgress: (done) => block.draw([`  accuracy, ${whole(done)} of ${whole(test.count)} images`]),
    });
    const measured = accuracy.images > 0 ? { ...record, accuracy: { ...accuracy, of: name } } : record;
    const speed = await measureSpeed(...sessions, job, threads);
    const { bytes, chunks } = encodeInt8(graph, description, measured);
    signal.throwIfAborted();
    writeWhole(path, chunks);
    return { bytes, float32Bytes: float32.bytes, nodes: graph.nodes.length, verification, record: measured, speed };
  } finally {
    for (const session of sessions) await session.close();
  }
}

async function verify(file: string, { output, network, verifyWith: images, block, signal }: Int8Job) {
  block.draw(['  comparing the float32 network with onnxruntime …']);
  const verification = await verifyOnnx(file, network, { images, signal });
  requireSmallDifference(output, verification);
  return verification;
}

interface FoundImages {
  name: string;
  calibration: ImageSource;
  /** Others than those for the ranges. */
  test: ImageSource;
  /** Whether their classes are known. */
  labelled: boolean;
}

/** Chooses images at random: at most half of the labelled ones for the ranges, and others to measure the accuracy. */
async function findImages(job: Int8Job): Promise<FoundImages> {
  const { calibrationImages, testImages, seed } = job;
  const found = await openImages(job);
  const { name, count, choose, labelled } = found;
  if (count === 0) throw new InputError(`--calibrate: expected images in ${name}, got none`);
  const order = new RandomStream(`int8 ${seed}`).shuffle(count);
  const calibrated = Math.min(calibrationImages, Math.ceil(count / 2));
  return {
    name,
    calibration: choose(order.subarray(0, calibrated)),
    test: choose(order.subarray(calibrated, calibrated + testImages)),
    labelled,
  };
}

async function openImages({
  model,
  description,
  calibrate,
  block,
}: Int8Job): Promise<EvaluatedImages & { labelled: boolean }> {
  const { classes, preprocessing, network } = description;
  if (calibrate === undefined && classes.join('\n') !== cifar10Classes.join('\n')) {
    throw new InputError(
      '--int8: expected --calibrate with images such as the network will see (a folder, an archive or cifar10), got none',
    );
  }
  if (calibrate !== undefined && calibrate !== 'cifar10' && !existsSync(calibrate))
    throw new InputError(
      `--calibrate: expected cifar10, a folder of images or an archive, got ${calibrate}, which is not there`,
    );
  const batchSize = Math.min(32, batchWithinMemory(planOf(description)));
  try {
    const flags = { threads: availableParallelism() };
    return { ...(await findEvaluatedImages(model, description, calibrate, batchSize, flags, block)), labelled: true };
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'no-class-folders') throw error;
  }
  const files = imageFilesBelow(calibrate!).map((file) => ({ ...file, label: 0 }));
  block.log(`${calibrate}: no class folders, so the answers are compared and no accuracy is measured`);
  return {
    name: calibrate!,
    count: files.length,
    choose: (places) =>
      fileSource(
        Array.from(places, (place) => files[place]!),
        preprocessing,
        network.input,
        batchSize,
      ),
    labelled: false,
  };
}

/** Returns float32 [images, channels, height, width]. @throws Failure if no image can be read */
async function readImages(source: ImageSource, { block, signal }: Int8Job): Promise<Tensor> {
  const parts: Tensor[] = [];
  const unread: string[] = [];
  try {
    for await (const { batch, unreadable } of source.batches(0)) {
      signal.throwIfAborted();
      for (const sentence of unreadable) block.log(sentence);
      unread.push(...unreadable);
      if (!batch) continue;
      batch.labels.dispose();
      parts.push(batch.images);
      block.draw([
        `  reading images for the ranges, ${whole(parts.reduce((sum, { shape }) => sum + shape[0]!, 0))} of ${whole(source.count)}`,
      ]);
    }
    if (parts.length === 0) throw new Failure(`none of the ${source.count} images could be read: ${unread[0]}`);
    return cat(parts, 0);
  } finally {
    free(parts);
  }
}

const batches = [1, 32];
/** The limits of the measurement with one batch size. */
const timing = { seconds: 3, warmUp: 2, minRuns: 5, maxRuns: 100 };

async function measureSpeed(
  float32: OnnxSession,
  int8: OnnxSession,
  { network, block, signal }: Int8Job,
  threads: number,
): Promise<Speed[]> {
  const [height, width, channels] = network.plan.input;
  const speed: Speed[] = [];
  for (const batch of batches) {
    block.draw([`  speed, ${batch === 1 ? 'one image' : `${batch} images`} at a time`]);
    const random = new RandomStream('speed');
    const images = Float32Array.from({ length: batch * channels * height * width }, () => 2 * random.uniform() - 1);
    const run = (session: OnnxSession) => async () => {
      signal.throwIfAborted();
      await session.run(images, [batch, channels, height, width]);
    };
    const [exact, rounded] = await timeInTurns([run(float32), run(int8)], timing);
    speed.push({ batch, threads, milliseconds: { float32: median(exact!), int8: median(rounded!) } });
  }
  return speed;
}

/** Says what 8 bits cost and gain, a sentence a line. */
export function int8Words({ bytes, float32Bytes, record, speed }: Int8Export): string[] {
  const { calibration, ranges, accuracy, weightBits } = record;
  const { images, of } = calibration;
  return [
    `8 bits (weights ${weightBits}): ${percent(bytes / float32Bytes, 0)} of the ${sizeWords(float32Bytes)} in float32; ` +
      `ranges by ${ranges} on ${whole(images)} ${images === 1 ? 'image' : 'images'} of ${of}`,
    ...(accuracy ? [accuracyWords(accuracy)] : ['no other images were left to compare the answers']),
    ...speed.map(speedWords),
  ];
}

function accuracyWords({ images, same, right, of }: Int8Accuracy & { of: string }): string {
  const sameWords = `the same answer for ${percent(same / images)}`;
  if (!right) return `${sameWords} of ${whole(images)} other images of ${of}`;
  const difference = (right.int8 - right.float32) / images;
  // 95%: of the images that only one side got right, each is a coin thrown for either side
  const spread = (1.96 * Math.sqrt(right.onlyFloat32 + right.onlyInt8)) / images;
  const points = (share: number) => (100 * share).toFixed(2);
  return (
    `accuracy on ${whole(images)} other images of ${of}: float32 ${percent(right.float32 / images, 2)}, ` +
    `int8 ${percent(right.int8 / images, 2)} (${difference < 0 ? '' : '+'}${points(difference)} ± ${points(spread)} points); ${sameWords}`
  );
}

function speedWords({ batch, threads, milliseconds: { float32, int8 } }: Speed): string {
  const what = `${batch === 1 ? 'one image' : `${batch} images`}, ${threads === 1 ? 'one thread' : `${threads} threads`}`;
  return `onnxruntime, ${what}: float32 ${millisecondsWords(float32)}, int8 ${millisecondsWords(int8)} (${(float32 / int8).toFixed(2)}×)`;
}
