// One case of bench/training.ts: both sides in every arrangement, all of them alive at once and taking turns, so that a machine that
// slows down slows all of them down.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './median.ts';
import type { Arrangement } from './training-arrangements.ts';
import type { Case } from './training-cases.ts';
import { type Agreement, compareSides } from './training-equal.ts';
import { type Job, type Side, TrainingProcess } from './training-process.ts';

/** One side in one arrangement. */
export interface Contestant {
  side: string;
  arrangement: string;
  variant: string;
  /** Images per second of each turn, all processes together, and their median. */
  turns: number[];
  imagesPerSecond: number;
  /** Of one process, in MiB. */
  peakMemory: number | undefined;
  /** Seconds before the first step, of compiling or capturing. */
  prepared: number;
}

export interface CaseResult {
  name: string;
  about: string;
  mode: Case['mode'];
  agreement: Agreement;
  contestants: Contestant[];
}

interface Running extends Contestant {
  processes: TrainingProcess[];
}

/** @throws Failure when the sides differ or one of them ends */
export async function measureCase(
  wanted: Case,
  both: [ours: Side, peer: Side],
  arrangements: readonly Arrangement[],
  { repeats, steps = wanted.steps, say }: { repeats: number; steps?: number | undefined; say: (line: string) => void },
): Promise<CaseResult> {
  const { name, about, steps: _, ...network } = wanted;
  const folder = mkdtempSync(join(tmpdir(), 'nasnet-bench-'));
  const start = join(folder, 'start.f32');
  const running: Running[] = [];
  const begin = async (side: Side, { name: arrangement, processes, threads, device }: Arrangement, variant: string) => {
    const job: Job = { ...network, threads, device, variant };
    const each = Array.from({ length: processes }, (_, index) => {
      const first = arrangement === arrangements[0]!.name && index === 0;
      return new TrainingProcess(side, first ? { ...job, start } : job);
    });
    const one = { side: side.name, arrangement, variant, turns: [], imagesPerSecond: 0, peakMemory: undefined };
    const contestant: Running = { ...one, prepared: 0, processes: each };
    running.push(contestant);
    const [hello] = await Promise.all(each.map((process) => process.hello)); // ours has written its start by now
    contestant.prepared = hello!.prepared ?? 0;
  };
  const turn = async ({ processes }: Running, count: number) => {
    const answers = await Promise.all(processes.map((process) => process.make(count)));
    return (processes.length * count * wanted.batch) / Math.max(...answers.map(({ seconds }) => seconds));
  };
  try {
    for (const arrangement of arrangements) {
      await begin(both[0], arrangement, 'eager');
      for (const variant of arrangement.variants) await begin(both[1], arrangement, variant);
    }
    const agreement = await compareSides(name, running[0]!.processes[0]!, running[1]!.processes[0]!);
    for (const contestant of running) await turn(contestant, 1); // buffers are allocated, kernels chosen
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const contestant of repeat % 2 ? running.toReversed() : running) {
        contestant.turns.push(await turn(contestant, steps));
      }
      const figures = running.map(({ turns }) => turns.at(-1)!.toFixed(1)).join(' / ');
      say(`${name}, turn ${repeat + 1} of ${repeats}: ${figures} images/s`);
    }
    const contestants = running.map(({ processes, ...rest }): Contestant => {
      return { ...rest, imagesPerSecond: median(rest.turns), peakMemory: processes[0]!.peakMemory };
    });
    return { name, about, mode: wanted.mode, agreement, contestants };
  } finally {
    for (const process of running.flatMap(({ processes }) => processes)) process.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
