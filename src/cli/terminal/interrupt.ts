// Handles Ctrl-C and SIGTERM in a command that saves its work: the first one requests a clean stop, the second one ends
// the process immediately. A clean stop that takes too long, since the engine is in a computation, also ends the
// process (native/interruption.cpp); files are complete at any moment. Commands without work to save have no handler.

import { constants } from 'node:os';
import { endAfterSignal } from '../../engine/machine.ts';
import { Interruption } from '../../failure.ts';

export interface Interrupt extends Disposable {
  /** Aborted at the first Ctrl-C or SIGTERM, with an Interruption. */
  signal: AbortSignal;
}

const signals = ['SIGINT', 'SIGTERM'] as const;
const millisecondsToStop = 3000; // freeing gigabytes takes up to a second more

let first: (typeof signals)[number] | undefined;

/** Returns the exit code of a stopped command: 130 after Ctrl-C, 143 after SIGTERM. */
export const interruptedExitCode = (): number => 128 + constants.signals[first ?? 'SIGINT'];

/**
 * Handles Ctrl-C and SIGTERM until it is disposed of.
 * @param saved completes "stopped in the middle of a computation; ": what is saved if no clean stop is possible
 */
export function onInterrupt(atFirst: () => void, saved: string): Interrupt {
  const controller = new AbortController();
  const handle = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(interruptedExitCode());
    first = signal === 'SIGTERM' ? signal : 'SIGINT';
    atFirst();
    controller.abort(new Interruption('stopped'));
  };
  for (const signal of signals) process.on(signal, handle);
  const guard = endAfterSignal(millisecondsToStop, `nasnet: stopped in the middle of a computation; ${saved}\n`);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      guard[Symbol.dispose]();
      for (const signal of signals) process.off(signal, handle);
    },
  };
}
