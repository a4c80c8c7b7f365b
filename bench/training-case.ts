// One case of bench/training.ts: both sides in every arrangement. The processes of one arrangement live at once and take turns, so
// that a machine that slows down slows both sides down.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './median.ts';
import type { Arrangement } from './training-arrangements.ts';
import type { Case } from './training-cases.ts';
import { type Agreement, compareSides } from './training-equal.ts';
import { type Job, type Side, type Steps, TrainingProcess } from './training-process.ts';

/** One side in one arrangement. */
export interface Contestant {
  side: string;
  arrangement: string;
  variant: string;
  /** Processes, each with a network of its own. */
  atOnce: number;
  /** Images per second of each turn, all processes together, and their median. */
  turns: number[];
  imagesPerSecond: number;
  /** Of one process, in MiB: of the GPU where it runs there. */
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

export interface MeasuringOptions {
  repeats: number;
  /** Of a turn; absent: the case's own. */
  steps?: number | undefined;
  say: (line: string) => void;
}

type Network = Omit<Case, 'name' | 'about' | 'steps'>;

/** @throws Failure when the sides differ or one of them ends */
export async function measureCase(
  wanted: Case,
  both: [ours: Side, peer: Side],
  arrangements: readonly Arrangement[],
  { repeats, steps = wanted.steps, say }: MeasuringOptions,
): Promise<CaseResult> {
  const { name, about, steps: _, ...network } = wanted;
  const folder = mkdtempSync(join(tmpdir(), 'nasnet-bench-'));
  const start = join(folder, 'start.f32');
  const contestants: Contestant[] = [];
  try {
    const agreement = await agree(name, network, both, arrangements[0]!, start);
    for (const arrangement of arrangements) {
      const running: Running[] = [];
      try {
        for (const variant of arrangement.ours) running.push(await begin(both[0], network, arrangement, variant));
        for (const variant of arrangement.peer) running.push(await begin(both[1], network, arrangement, variant));
        for (const each of running) await turn(each, 1, wanted.batch); // buffers are allocated, kernels chosen
        for (let repeat = 0; repeat < repeats; repeat++) {
          for (const each of repeat % 2 ? running.toReversed() : running) {
            each.turns.push(await turn(each, steps * arrangement.stepsFactor, wanted.batch));
          }
          const figures = running.map(({ turns }) => turns.at(-1)!.toFixed(1)).join(' / ');
          say(`${name}, ${arrangement.name}, turn ${repeat + 1} of ${repeats}: ${figures} images/s`);
        }
        contestants.push(...running.map(measured));
      } finally {
        await Promise.all(running.flatMap(({ processes }) => processes.map((each) => each.end())));
      }
    }
    return { name, about, mode: wanted.mode, agreement, contestants };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether both sides compute the same, before anything is measured: from one start, in float32. */
async function agree(
  name: string,
  network: Network,
  [ours, peer]: readonly [ours: Side, peer: Side],
  { threads, device }: Arrangement,
  start: string,
): Promise<Agreement> {
  const job: Job = { ...network, threads, device, variant: 'eager', exact: true, start };
  const mine = new TrainingProcess(ours, job);
  try {
    await mine.hello; // it has written its start by now
    const other = new TrainingProcess(peer, job);
    try {
      return await compareSides(name, mine, other);
    } finally {
      await other.end();
    }
  } finally {
    await mine.end();
  }
}

async function begin(side: Side, network: Network, arrangement: Arrangement, variant: string): Promise<Running> {
  const { name, threads, device } = arrangement;
  const job: Job = { ...network, threads, device, variant };
  const processes = Array.from({ length: arrangement.processes }, () => new TrainingProcess(side, job));
  try {
    const [hello] = await Promise.all(processes.map((each) => each.hello));
    const empty = { turns: [], imagesPerSecond: 0, peakMemory: undefined, prepared: hello!.prepared ?? 0 };
    return { side: side.name, arrangement: name, variant, atOnce: processes.length, ...empty, processes };
  } catch (error) {
    for (const each of processes) void each.end();
    throw error;
  }
}

/** Images per second of all its processes together. */
async function turn({ processes }: Running, steps: number, batch: number): Promise<number> {
  const answers: Steps[] = await Promise.all(processes.map((each) => each.make(steps)));
  return (processes.length * steps * batch) / Math.max(...answers.map(({ seconds }) => seconds));
}

function measured({ processes, ...rest }: Running): Contestant {
  return { ...rest, imagesPerSecond: median(rest.turns), peakMemory: processes[0]!.peakMemory };
}
