// Measures the inference time of one network for every combination of runtime, device and batch size, or says why it
// cannot.

import { availableParallelism } from 'node:os';
import { devices } from '../engine/machine.ts';
import { Failure, InputError } from '../failure.ts';
import type { ModelDescription } from '../model/model-file.ts';
import type { Network } from '../model/network.ts';
import { lacksMemory } from '../out-of-memory.ts';
import { inferenceBytes } from './inference-memory.ts';
import { type OpenRuntime, openEngine, openOnnx, type Runtime } from './runtime.ts';
import { type Summary, summarise } from './summary.ts';
import { type TimingLimits, timeRuns, timingDefaults } from './timing.ts';

export interface LatencyOptions {
  runtimes: readonly Runtime[];
  /** Devices of our engine: 'cpu', 'cuda:0' …; onnxruntime is timed on the CPU only if 'cpu' is one of them. */
  devices: readonly string[];
  /** Batch sizes in images. */
  batches: readonly number[];
  /** Threads per operator on the CPU. Default: the number of cores. */
  threads?: number;
  /** When to stop; `seconds` applies to one row. Defaults: `timingDefaults`. */
  limits?: Partial<TimingLimits>;
  /** Memory limit. Default: the free memory of this machine. */
  memoryBytes?: number;
}

interface Place {
  runtime: Runtime;
  device: string;
  /** Batch size in images. */
  batch: number;
}

export interface Latency extends Place {
  /** The time of the whole batch. */
  milliseconds: Summary;
  imagesPerSecond: number;
  /** Billions of the plan's multiply-adds per second. */
  gigaMultiplyAddsPerSecond: number;
}

export interface NotMeasured extends Place {
  /** The reason, one clause. */
  notMeasured: string;
}

/**
 * Measures a network.
 * @param network in evaluation mode, on the CPU
 * @yields a row for each runtime, device and batch size as soon as it is measured
 * @throws InputError if this machine lacks a device, or if onnxruntime alone is to run on a GPU
 */
export async function* measureLatency(
  network: Network,
  description: ModelDescription,
  options: LatencyOptions,
): AsyncGenerator<Latency | NotMeasured> {
  const { threads = availableParallelism() } = options;
  const available = devices();
  const missing = options.devices.find((device) => !available.includes(device));
  if (missing !== undefined)
    throw new InputError(`device: expected one of ${available.join(', ')}, got ${missing}`, { code: 'unknown-device' });
  const places = options.runtimes.flatMap((runtime) =>
    options.devices.filter((device) => runtime === 'nasnet' || device === 'cpu').map((device) => ({ runtime, device })),
  );
  if (places.length === 0)
    throw new InputError(`device: expected cpu, where onnxruntime is timed, got ${options.devices.join(', ')}`, {
      code: 'unknown-device',
    });
  for (const { runtime, device } of places) {
    const open = () =>
      runtime === 'nasnet' ? openEngine(network, { device, threads }) : openOnnx(network, description, { threads });
    yield* measureOne({ runtime, device }, open, network, options);
  }
}

async function* measureOne(
  at: Omit<Place, 'batch'>,
  open: () => OpenRuntime | Promise<OpenRuntime>,
  network: Network,
  { batches, limits: overrides, memoryBytes }: LatencyOptions,
): AsyncGenerator<Latency | NotMeasured> {
  const limits = { ...timingDefaults, ...overrides };
  let session: OpenRuntime;
  try {
    session = await open();
  } catch (error) {
    if (!(error instanceof Failure || error instanceof InputError)) throw error; // not installed, or too large
    for (const batch of batches) yield { ...at, batch, notMeasured: error.message };
    return;
  }
  try {
    let millisecondsPerImage: number | undefined; // in the previous batch
    for (const batch of batches) {
      const reason =
        (at.device === 'cpu' ? tooLarge(inferenceBytes(network.plan, batch, at.runtime), memoryBytes) : undefined) ??
        tooLong(millisecondsPerImage, batch, limits.seconds);
      if (reason !== undefined) {
        yield { ...at, batch, notMeasured: reason };
        continue;
      }
      const row = await measureBatch({ ...at, batch }, session, network.plan.multiplyAdds, limits);
      if ('milliseconds' in row) millisecondsPerImage = row.milliseconds.median / batch;
      yield row;
    }
  } finally {
    await session.close();
  }
}

async function measureBatch(place: Place, session: OpenRuntime, multiplyAdds: number, limits: TimingLimits) {
  try {
    const milliseconds = summarise(await timeRuns(session.prepare(place.batch), limits));
    const imagesPerSecond = (1000 * place.batch) / milliseconds.median;
    return {
      ...place,
      milliseconds,
      imagesPerSecond,
      gigaMultiplyAddsPerSecond: (imagesPerSecond * multiplyAdds) / 1e9,
    };
  } catch (error) {
    if (!lacksMemory(error)) throw error;
    return { ...place, notMeasured: `the memory of ${place.device} does not hold it` };
  }
}

function tooLarge(needed: number, memoryBytes = process.availableMemory()): string | undefined {
  if (needed <= memoryBytes) return undefined;
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return `it needs up to ${gibibytes(needed)} of memory and this machine has ${gibibytes(memoryBytes)} left`;
}

function tooLong(millisecondsPerImage: number | undefined, batch: number, seconds: number): string | undefined {
  const expected = ((millisecondsPerImage ?? 0) * batch) / 1000;
  if (expected <= seconds) return undefined;
  return `one run would take about ${Math.round(expected)} s, longer than the ${seconds} s of a measurement`;
}
