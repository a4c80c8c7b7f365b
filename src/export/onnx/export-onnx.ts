// Exports a network as an ONNX file with metadata (classes, preprocessing, origin), after checking that it computes the
// same.
// network-graph.ts builds the graph, encode.ts the bytes, and verify.ts compares the logits.

import { renameSync, rmSync } from 'node:fs';
import { ClassNames } from '../../data/class-names.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { Failure, Interruption } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import type { Network } from '../../model/network.ts';
import { nasnetVersion } from '../../version.ts';
import { unverifiedName, writeWhole } from '../../whole-file.ts';
import { encodeModel, type ModelLabel } from './encode.ts';
import { networkGraph } from './network-graph.ts';
import { loadRuntime } from './session.ts';
import { type Verification, verifyOnnx } from './verify.ts';

export interface OnnxOptions {
  /** Whether to compare the file with the engine, which needs onnxruntime, an optional dependency. Default true. */
  verify?: boolean | undefined;
  /** Real images to compare on besides random ones: float32 [images, channels, height, width], preprocessed. */
  verifyWith?: Tensor | undefined;
  /** Threads of onnxruntime. Default: the engine's. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface OnnxResult {
  bytes: number;
  nodes: number;
  /** max|a − b| / max|a| of the logits, where a are the engine's; undefined without verification. */
  largestDifference: number | undefined;
  /** The number of images compared. */
  images: number;
}

/** Relative. A different order of float32 sums alone gives about 1e-6. */
export const largestAllowedDifference = 1e-4;

/**
 * Returns the bytes of the ONNX file: input `images` float32 [batch, channels, height, width], output `logits` [batch,
 * classes], opset 17.
 * @throws InputError if the network is larger than 2 GB
 */
export function buildOnnx(network: Network, description: ModelDescription): Uint8Array {
  return Buffer.concat([...encodeNetwork(network, description).chunks]);
}

/**
 * Writes the file atomically, replacing an older one, after it has been compared (unless `verify` is false).
 * @throws Failure if its logits differ by more than 1e-4, onnxruntime is missing, or the file cannot be written;
 *   InputError if the network is larger than 2 GB or `verifyWith` has another shape; Interruption if the signal is
 *   aborted
 */
export async function exportOnnx(
  path: string,
  network: Network,
  description: ModelDescription,
  options: OnnxOptions = {},
): Promise<OnnxResult> {
  const { verify = true, verifyWith: images, threads, signal } = options;
  if (verify) await requireRuntime();
  const { bytes, nodes, chunks } = encodeNetwork(network, description);
  if (!verify) {
    writeWhole(path, chunks);
    return { bytes, nodes, largestDifference: undefined, images: 0 };
  }
  const unverified = unverifiedName(path);
  try {
    writeWhole(unverified, chunks);
    const verification = await verifyOnnx(unverified, network, { images, threads, signal });
    requireSmallDifference(path, verification);
    moveInPlace(unverified, path);
    return { bytes, nodes, ...verification };
  } catch (error) {
    rmSync(unverified, { force: true });
    if (signal?.aborted) throw new Interruption(`${path}: stopped before the file was verified, nothing is written`);
    throw error;
  }
}

function encodeNetwork(network: Network, description: ModelDescription) {
  const graph = networkGraph(network.plan, network.stateDict());
  return { nodes: graph.nodes.length, ...encodeModel(graph, modelLabel(description)) };
}

/** Returns what a file says about its network. */
export function modelLabel({ architecture, network, classes, preprocessing, origin }: ModelDescription): ModelLabel {
  const titles = new ClassNames(classes).titles();
  const named = titles.join('\n') !== classes.join('\n'); // classes that are wnids have names, too
  const json = { classes, ...(named && { titles }), preprocessing, architecture, network };
  const texts = Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)]);
  return {
    name: 'nasnet',
    description:
      `A NASNet image classifier, ${origin}. images: red, green and blue planes, (value - mean) / deviation as the metadata's ` +
      "preprocessing says. logits: before the softmax, in the order of the metadata's classes.",
    producerVersion: nasnetVersion(),
    metadata: { ...Object.fromEntries(texts), origin } as Record<string, string>,
  };
}

async function requireRuntime(): Promise<void> {
  await loadRuntime().catch((error: Error) => {
    throw new Failure(`${error.message}, or export without verification`, { code: 'runtime-missing' });
  });
}

function moveInPlace(verified: string, path: string): void {
  try {
    renameSync(verified, path);
  } catch (error) {
    throw new Failure(`${path}: the file could not be written (${(error as Error).message})`);
  }
}

/** @throws Failure if the difference is larger than float32 sums alone make it */
export function requireSmallDifference(path: string, { largestDifference, images }: Verification): void {
  if (largestDifference <= largestAllowedDifference) return; // false for NaN
  const difference = Number.isNaN(largestDifference)
    ? 'logits that are no numbers'
    : largestDifference.toExponential(2);
  throw new Failure(
    `${path}: expected onnxruntime's logits within ${largestAllowedDifference} of the network's, relative, on ${images} images, ` +
      `got ${difference}: nothing is written`,
  );
}
