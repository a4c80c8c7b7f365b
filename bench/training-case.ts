// Measures one case of bench/training.ts: both sides in every arrangement. The processes of an arrangement run at the
// same time and take turns, so that changes in the machine's speed affect both sides.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './median.ts';
import type { Arrangement, Buffers } from './training-arrangements.ts';
import type { Case } from './training-cases.ts';
import { type Agreement, compareSides } from './training-equal.ts';
import { type Job, type Side, type Steps, TrainingProcess } from './training-process.ts';

/** One side in one arrangement. */
export interface Contestant {
  side: string;
  arrangement: string;
  variant: string;
  /** PyTorch's on the CPU. */
  buffers?: Buffers;
  /** Number of processes, each with its own network. */
  atOnce: number;
  /** Images per second of each turn, all processes together, and their median. */
  turns: number[];
  imagesPerSecond: number;
  /** Peak memory of one process in MiB, on the GPU if it uses one. */
  peakMemory: number | undefined;
  /** Seconds to compile or capture before the first step. */
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
  /** Steps per turn. Default: the case's. */
  steps?: number | undefined;
  say: (line: string) => void;
}

type Network = Omit<Case, 'name' | 'about' | 'steps'>;

/** Measures a case. @throws Failure if the sides differ or a process ends */
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
        for (const variant of arrangement.peer) {
          for (const buffers of arrangement.peerBuffers)
            running.push(await begin(both[1], network, arrangement, variant, buffers));
        }
        for (const each of running) await turn(each, 1, wanted.batch); // warm-up: allocates buffers, selects kernels
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

/** Checks before the measurement that both sides compute the same from one start in float32. */
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
    await mine.hello; // then its start file is written
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

async function begin(
  side: Side,
  network: Network,
  arrangement: Arrangement,
  variant: string,
  buffers?: Buffers,
): Promise<Running> {
  const { name, threads, device } = arrangement;
  const job: Job = { ...network, threads, device, variant };
  const processes = Array.from({ length: arrangement.processes }, () => new TrainingProcess(side, job, buffers));
  try {
    const [hello] = await Promise.all(processes.map((each) => each.hello));
    const empty = { turns: [], imagesPerSecond: 0, peakMemory: undefined, prepared: hello!.prepared ?? 0 };
    return {
      side: side.name,
      arrangement: name,
      variant,
      ...(device === 'cpu' && buffers && { buffers }),
      atOnce: processes.length,
      ...empty,
      processes,
    };
  } catch (error) {
    for (const each of processes) void each.end();
    throw error;
  }
}

/** Runs a turn. Returns the images per second of all its processes together. */
async function turn({ processes }: Running, steps: number, batch: number): Promise<number> {
  const answers: Steps[] = await Promise.all(processes.map((each) => each.make(steps)));
  return (processes.length * steps * batch) / Math.max(...answers.map(({ seconds }) => seconds));
}

function measured({ processes, ...rest }: Running): Contestant {
  return { ...rest, imagesPerSecond: median(rest.turns), peakMemory: processes[0]!.peakMemory };
}
