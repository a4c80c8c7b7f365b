// Trainings that Ctrl-C stops after a step: how the first process resumes and keeps its state, and what the others do.

import { existsSync } from 'node:fs';
import { Interruption } from '../../failure.ts';
import { duration } from '../../words.ts';
import { onInterrupt } from '../terminal/interrupt.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

/** Runs a training with a checkpoint. @param seconds between two checkpoints */
export async function resumable<T>(
  { checkpoint, seconds, block }: { checkpoint: string; seconds: number; block: LiveBlock },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    `${checkpoint}, if it is there, keeps the state of ${duration(seconds)} ago or of the step before: run the same command to resume`,
  );
  try {
    return await run(interrupt.signal);
  } catch (error) {
    if (error !== interrupt.signal.reason) throw error;
    throw new Interruption(
      existsSync(checkpoint)
        ? `stopped; ${checkpoint} keeps the state, run the same command to resume`
        : 'stopped before there was a state to keep; run the same command to begin again',
    );
  }
}

/** Runs a training as a replica that is not the first one. */
export async function following(run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  using interrupt = onInterrupt(() => {}, 'the first replica keeps the state: start all again to resume');
  try {
    await run(interrupt.signal);
  } catch (error) {
    if (error !== interrupt.signal.reason) throw error;
    throw new Interruption('stopped, and so are all replicas; start all again to resume');
  }
}
