// `nasnet profile --measure`: a network's inference time on this machine, and its multiply-adds.

import { availableParallelism, cpus } from 'node:os';
import { devices, libtorch } from '../../engine/machine.ts';
import { InputError } from '../../failure.ts';
import { type Latency, measureLatency, type NotMeasured } from '../../latency/measure.ts';
import { type Runtime, runtimes } from '../../latency/runtime.ts';
import type { Plan } from '../../plan/plan.ts';
import { whole } from '../../words.ts';
import { descriptionOf, networkOf } from '../flags/described-network.ts';
import type { NamedNetwork } from '../flags/model-flags.ts';
import { alignColumns } from '../terminal/columns.ts';
import { LiveBlock } from '../terminal/live-block.ts';

/** Flags; undefined if not set. */
export interface MeasureFlags {
  batch?: number[] | undefined;
  runtime?: string[] | undefined;
  device?: string[] | undefined;
  threads?: number | undefined;
  seconds?: number | undefined;
  seed?: number | undefined;
}

/** The part of `profile --json` that `--measure` adds. */
export interface MeasuredLatency {
  machine: { processor: string; threads: number; libtorch: string };
  /** Source of the weights. */
  weights: string;
  latency: (Latency | NotMeasured)[];
}

const defaults = { batch: [1, 32], seed: 1 };

/** Measures a network and prints finished rows on stderr. Ctrl-C stops immediately, as there is nothing to save. */
export async function measureNetwork(
  model: string,
  named: NamedNetwork,
  {
    batch = defaults.batch,
    runtime,
    device,
    threads = availableParallelism(),
    seconds,
    seed = defaults.seed,
  }: MeasureFlags,
): Promise<MeasuredLatency> {
  const chosen = runtime ? runtime.map(runtimeOf) : runtimes;
  const network = networkOf(model, named, seed);
  const block = new LiveBlock(process.stderr);
  const latency: MeasuredLatency['latency'] = [];
  const rows = measureLatency(network, descriptionOf(named, 'initial weights, never trained'), {
    runtimes: chosen,
    devices: device ?? devices().slice(0, 2), // the CPU and the first GPU
    batches: batch,
    threads,
    ...(seconds !== undefined && { limits: { seconds } }),
  });
  block.draw(['  timing …']);
  for await (const row of rows) {
    latency.push(row);
    block.draw([...lines(latency), '  timing …']);
  }
  block.draw([]);
  const machine = { processor: cpus()[0]?.model.trim() ?? 'unknown', threads, libtorch: libtorch().version };
  return { machine, weights: named.description ? model : `random, of seed ${seed}`, latency };
}

function runtimeOf(text: string): Runtime {
  const found = runtimes.find((name) => name === text);
  if (!found) throw new InputError(`--runtime: expected ${runtimes.join(' or ')}, got ${JSON.stringify(text)}`);
  return found;
}

/** Formats the totals and a line for each row. */
export function latencyTable(model: string, plan: Plan, { machine, weights, latency }: MeasuredLatency): string {
  const [height, width] = plan.input;
  return `${[
    `${model} at ${height} × ${width} pixels: ${whole(plan.multiplyAdds)} multiply-adds for one image, ${whole(plan.trainableParameters)} parameters`,
    `On ${machine.processor}, ${machine.threads === 1 ? 'one thread' : `${machine.threads} threads`}; weights: ${weights}`,
    '',
    ...lines(latency),
    '',
    'Milliseconds for the whole batch; half of the runs are between the two numbers of "middle half". GMAC/s: billions of multiply-adds a second.',
  ].join('\n')}\n`;
}

const header = ['runtime', 'device', 'batch', 'median ms', 'fastest', 'middle half', 'images/s', 'GMAC/s', 'runs'];

function lines(latency: readonly (Latency | NotMeasured)[]): string[] {
  const places = latency.map(({ runtime, device, batch }) => [runtime, device, `${batch}`]);
  const aligned = alignColumns(
    [header, ...latency.map((row, index) => [...places[index]!, ...('milliseconds' in row ? figures(row) : [])])],
    'llr',
  );
  return aligned.map((line, index) => {
    const row = latency[index - 1];
    return row && 'notMeasured' in row ? `${line}   not measured: ${row.notMeasured}` : line;
  });
}

function figures({ milliseconds, imagesPerSecond, gigaMultiplyAddsPerSecond }: Latency): string[] {
  const { median, fastest, lowerQuartile, upperQuartile, runs } = milliseconds;
  const middle = `${digits(lowerQuartile)}–${digits(upperQuartile)}`;
  return [
    digits(median),
    digits(fastest),
    middle,
    digits(imagesPerSecond),
    digits(gigaMultiplyAddsPerSecond),
    `${runs}`,
  ];
}

/** Formats three digits: "0.0123", "45.2", "1,234". */
const digits = (value: number) =>
  value >= 1000 ? whole(value) : value >= 100 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`;
