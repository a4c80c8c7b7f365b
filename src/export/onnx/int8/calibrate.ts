// Observes what the values of a float32 graph are on calibration images, in onnxruntime: the graph gets each of these
// values as an output. First the ends of each value's range, then a histogram between them.

import { free } from '../../../engine/memory.ts';
import type { Tensor } from '../../../engine/tensor.ts';
import { Failure } from '../../../failure.ts';
import { encodeModel } from '../encode.ts';
import type { Graph } from '../graph.ts';
import { type OnnxSession, openSession } from '../session.ts';
import { calibratedValues } from './quantise.ts';
import { type Histogram, type Range, type RangeMethod, rangeOf } from './ranges.ts';

export interface CalibrationOptions {
  method: RangeMethod;
  /** Threads of onnxruntime. */
  threads: number;
  signal?: AbortSignal | undefined;
  /** Is called with the share that is done, 0 to 1. */
  onProgress?: ((share: number) => void) | undefined;
}

const bins = 4096;
const largestOutputs = 2 ** 26; // numbers of a run, 256 MB

/**
 * Returns the ranges of a graph's values by name.
 * @param images float32 [images, channels, height, width], preprocessed
 * @throws Failure if a value of some image is not finite; the signal's reason if it is aborted
 */
export async function calibrate(
  graph: Graph,
  images: Tensor,
  options: CalibrationOptions,
): Promise<Map<string, Range>> {
  const { method, threads } = options;
  const values = calibratedValues(graph);
  const observed = { ...graph, moreOutputs: values.filter(({ name }) => name !== graph.input.name) };
  const file = Buffer.concat([
    ...encodeModel(observed, { name: 'calibration', description: '', producerVersion: '', metadata: {} }).chunks,
  ]);
  const session = await openSession(file, { threads });
  const elements = values.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  const batches = images.split(Math.max(1, Math.floor(largestOutputs / elements)));
  const passes = method === 'min-max' ? 1 : 2;
  try {
    const names = values.map(({ name }) => name);
    const runs = new Runs(session, graph.input.name, batches, passes, options);
    const ranges = await findEnds(names, runs);
    const histograms = mapValues(ranges, (range): Histogram => ({ ...range, counts: new Float64Array(bins) }));
    if (passes === 2) await fill(histograms, runs);
    return mapValues(histograms, (histogram) => rangeOf(method, histogram));
  } finally {
    free(batches);
    await session.close();
  }
}

type Results = Readonly<Record<string, Float32Array>>;

/** Runs all batches, as often as asked. */
class Runs {
  readonly #session: OnnxSession;
  readonly #input: string;
  readonly #batches: readonly Tensor[];
  readonly #options: CalibrationOptions;
  readonly #all: number;
  #done = 0;

  constructor(
    session: OnnxSession,
    input: string,
    batches: readonly Tensor[],
    passes: number,
    options: CalibrationOptions,
  ) {
    this.#session = session;
    this.#input = input;
    this.#batches = batches;
    this.#options = options;
    this.#all = passes * batches.length;
  }

  /** Yields the values of each batch by name. */
  async *results(): AsyncGenerator<Results> {
    for (const batch of this.#batches) {
      await new Promise((resolve) => setImmediate(resolve)); // the handler of Ctrl-C may run
      this.#options.signal?.throwIfAborted();
      const images = batch.toArray() as Float32Array;
      yield { ...(await this.#session.runAll(images, batch.shape)), [this.#input]: images };
      this.#options.onProgress?.(++this.#done / this.#all);
    }
  }
}

async function findEnds(names: readonly string[], runs: Runs): Promise<Map<string, Range>> {
  const ranges = new Map(names.map((name) => [name, { low: 0, high: 0 }]));
  for await (const results of runs.results()) {
    for (const [name, range] of ranges) {
      let { low, high } = range;
      let sum = 0; // not finite if any number is not
      for (const value of results[name]!) {
        if (value < low) low = value;
        if (value > high) high = value;
        sum += value;
      }
      if (!Number.isFinite(sum))
        throw new Failure(`${name}: expected finite numbers on the calibration images, got others`);
      ranges.set(name, { low, high });
    }
  }
  return ranges;
}

async function fill(histograms: ReadonlyMap<string, Histogram>, runs: Runs): Promise<void> {
  for await (const results of runs.results()) {
    for (const [name, { low, high, counts }] of histograms) {
      const perBin = bins / (high - low || 1);
      for (const value of results[name]!) counts[Math.min(bins - 1, Math.floor((value - low) * perBin))]! += 1;
    }
  }
}

const mapValues = <From, To>(map: ReadonlyMap<string, From>, of: (from: From) => To): Map<string, To> =>
  new Map([...map].map(([name, value]) => [name, of(value)]));
