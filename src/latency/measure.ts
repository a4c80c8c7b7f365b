// Inference time of one network: every runtime, device and batch that was asked for, one after the other, or why one of them
// was not timed.

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
  /** Of our own engine: 'cpu', 'cuda:0' …; onnxruntime runs on the CPU where 'cpu' is among them. */
  devices: readonly string[];
  /** Images at once. */
  batches: readonly number[];
  /** That one operator may use on the CPU. Default: all cores. */
  threads?: number;
  /** When to stop; `seconds` are for one row. What is left out is as in `timingDefaults`. */
  limits?: Partial<TimingLimits>;
  /** Default: what this machine has left. */
  memoryBytes?: number;
}

interface Place {
  runtime: Runtime;
  device: string;
  /** Images at once. */
  batch: number;
}

export interface Latency extends Place {
  /** In milliseconds, of the whole batch. */
  milliseconds: Summary;
  imagesPerSecond: number;
  /** Billions of the plan's multiply-adds in a second. */
  gigaMultiplyAddsPerSecond: number;
}

export interface NotMeasured extends Place {
  /** One clause: why. */
  notMeasured: string;
}

/**
 * @param network in evaluation, on the CPU
 * @yields one row for each batch of each runtime on each device, as it is done
 * @throws InputError for a device that this machine lacks, and for onnxruntime alone on a GPU
 */
export async function* measureLatency(
  network: Network,
  description: ModelDescription,
  options: LatencyOptions,
): AsyncGenerator<Latency | NotMeasured> {
  const { threads = availableParallelism() } = options;
  const there = devices();
  const missing = options.devices.find((device) => !there.includes(device));
  if (missing !== undefined)
    throw new InputError(`device: expected one of ${there.join(', ')}, got ${missing}`, { code: 'unknown-device' });
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
  { batches, limits: given, memoryBytes }: LatencyOptions,
): AsyncGenerator<Latency | NotMeasured> {
  const limits = { ...timingDefaults, ...given };
  let opened: OpenRuntime;
  try {
    opened = await open();
  } catch (error) {
    if (!(error instanceof Failure || error instanceof InputError)) throw error; // not installed, or too large for a file
    for (const batch of batches) yield { ...at, batch, notMeasured: error.message };
    return;
  }
  try {
    let millisecondsAnImage: number | undefined; // of the batch before
    for (const batch of batches) {
      const reason =
        (at.device === 'cpu' ? tooLarge(inferenceBytes(network.plan, batch, at.runtime), memoryBytes) : undefined) ??
        tooLong(millisecondsAnImage, batch, limits.seconds);
      if (reason !== undefined) {
        yield { ...at, batch, notMeasured: reason };
        continue;
      }
      const row = await measureBatch({ ...at, batch }, opened, network.plan.multiplyAdds, limits);
      if ('milliseconds' in row) millisecondsAnImage = row.milliseconds.median / batch;
      yield row;
    }
  } finally {
    await opened.close();
  }
}

async function measureBatch(place: Place, opened: OpenRuntime, multiplyAdds: number, limits: TimingLimits) {
  try {
    const milliseconds = summarise(await timeRuns(opened.prepare(place.batch), limits));
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

function tooLong(millisecondsAnImage: number | undefined, batch: number, seconds: number): string | undefined {
  const expected = ((millisecondsAnImage ?? 0) * batch) / 1000;
  if (expected <= seconds) return undefined;
  return `one run would take about ${Math.round(expected)} s, longer than the ${seconds} s of a measurement`;
}
