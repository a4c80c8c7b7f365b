// A network as an ONNX file of 8 bits: the float32 graph, with batch norms folded, its ranges on calibration images,
// and the record of how it was made and what it costs in accuracy, which the file contains.

import type { Tensor } from '../../../engine/tensor.ts';
import type { ModelDescription } from '../../../model/model-description.ts';
import type { Network } from '../../../model/network.ts';
import { encodeModel } from '../encode.ts';
import { modelLabel } from '../export-onnx.ts';
import type { Graph } from '../graph.ts';
import { networkGraph } from '../network-graph.ts';
import type { Int8Accuracy } from './accuracy.ts';
import { type CalibrationOptions, calibrate } from './calibrate.ts';
import { quantiseGraph } from './quantise.ts';
import type { RangeMethod } from './ranges.ts';
import { largestWeight, type WeightBits } from './weights.ts';

export interface Int8Options extends Omit<CalibrationOptions, 'method'> {
  ranges: RangeMethod;
  weightBits: WeightBits;
}

/** How a file of 8 bits was made, and how it answered on other images. JSON in the file's metadata, `quantisation`. */
export interface Int8Record {
  weightBits: WeightBits;
  activationBits: 8;
  ranges: RangeMethod;
  calibration: { images: number; of: string; seed: number };
  accuracy?: Int8Accuracy & { of: string };
}

/**
 * Returns a network's graph in 8 bits: weights per output channel, activations per tensor.
 * @param images for the ranges: float32 [images, channels, height, width], preprocessed
 * @throws Failure if onnxruntime is missing or a value is not finite; the signal's reason if it is aborted
 */
export async function int8Graph(network: Network, images: Tensor, options: Int8Options): Promise<Graph> {
  const graph = networkGraph(network.plan, network.stateDict());
  const ranges = await calibrate(graph, images, { ...options, method: options.ranges });
  return quantiseGraph(graph, ranges, { largestWeight: largestWeight(options.weightBits) });
}

/** Returns the file's size in bytes, and its parts. @throws InputError if it would be larger than 2 GB */
export function encodeInt8(graph: Graph, description: ModelDescription, record: Int8Record) {
  const label = modelLabel(description);
  const metadata = { ...label.metadata, quantisation: JSON.stringify(record) };
  return encodeModel(graph, { ...label, description: `${label.description} In 8 bits.`, metadata });
}
