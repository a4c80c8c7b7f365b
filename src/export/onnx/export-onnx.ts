// A network as an ONNX file that says what it is (classes, preprocessing, origin) and that was seen to compute the same before it
// is there. The graph is network-graph.ts's, the bytes encode.ts's, the comparison verify.ts's.

import { renameSync, rmSync } from 'node:fs';
import type { Tensor } from '../../engine/tensor.ts';
import { Failure, Interruption } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import type { Network } from '../../model/network.ts';
import { nasnetVersion } from '../../version.ts';
import { writeWhole } from '../../whole-file.ts';
import { encodeModel } from './encode.ts';
import { networkGraph } from './network-graph.ts';
import { loadRuntime } from './session.ts';
import { type Verification, verifyOnnx } from './verify.ts';

export interface OnnxOptions {
  /** Whether onnxruntime, an optional dependency, compares the file with the engine. Default true. */
  verify?: boolean | undefined;
  /** Real images to compare on besides random ones: float32 [images, channels, height, width], prepared for the network. */
  verifyWith?: Tensor | undefined;
  /** Threads of onnxruntime. Default: the engine's. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface OnnxResult {
  bytes: number;
  nodes: number;
  /** Of the logits, max|a − b| / max|a| with a the engine's; undefined without verification. */
  largestDifference: number | undefined;
  /** Images compared. */
  images: number;
}

/** Relative. float32 differs by about 1e-6 where only the order of sums does. */
export const largestAllowedDifference = 1e-4;

/**
 * The whole file in memory: input `images` float32 [batch, channels, height, width], output `logits` [batch, classes], opset 17.
 * @throws InputError for a network larger than 2 GB
 */
export function buildOnnx(network: Network, description: ModelDescription): Uint8Array {
  return Buffer.concat([...encoded(network, description).chunks]);
}

/**
 * Writes the file whole or not at all, in place of an older one: after it was compared, unless that was turned off.
 * @throws Failure where its logits differ by more than 1e-4, onnxruntime is missing, or the disk refuses; InputError for a network
 * larger than 2 GB and for images of another shape; Interruption when the signal is aborted
 */
export async function exportOnnx(
  path: string,
  network: Network,
  description: ModelDescription,
  options: OnnxOptions = {},
): Promise<OnnxResult> {
  const { verify = true, verifyWith: images, threads, signal } = options;
  if (verify) await runtimeAtHand();
  const { bytes, nodes, chunks } = encoded(network, description);
  if (!verify) {
    writeWhole(path, chunks);
    return { bytes, nodes, largestDifference: undefined, images: 0 };
  }
  const unverified = `${path}.${process.pid}.unverified`;
  try {
    writeWhole(unverified, chunks);
    const verification = await verifyOnnx(unverified, network, { images, threads, signal });
    requireSame(path, verification);
    putInPlace(unverified, path);
    return { bytes, nodes, ...verification };
  } catch (error) {
    rmSync(unverified, { force: true });
    if (signal?.aborted) throw new Interruption(`${path}: stopped before the file was verified, nothing is written`);
    throw error;
  }
}

function encoded(network: Network, description: ModelDescription) {
  const graph = networkGraph(network.plan, network.stateDict());
  return { nodes: graph.nodes.length, ...encodeModel(graph, label(description)) };
}

function label({ architecture, network, classes, preprocessing, origin }: ModelDescription) {
  const json = { classes, preprocessing, architecture, network };
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

async function runtimeAtHand(): Promise<void> {
  await loadRuntime().catch((error: Error) => {
    throw new Failure(`${error.message}, or export without verification`, { code: 'runtime-missing' });
  });
}

function putInPlace(verified: string, path: string): void {
  try {
    renameSync(verified, path);
  } catch (error) {
    throw new Failure(`${path}: the file could not be written (${(error as Error).message})`);
  }
}

function requireSame(path: string, { largestDifference, images }: Verification): void {
  if (largestDifference <= largestAllowedDifference) return; // false for NaN
  const found = Number.isNaN(largestDifference) ? 'logits that are no numbers' : largestDifference.toExponential(2);
  throw new Failure(
    `${path}: expected onnxruntime's logits within ${largestAllowedDifference} of the network's, relative, on ${images} images, ` +
      `got ${found}: nothing is written`,
  );
}
