// Ctrl-C and SIGTERM in a command that saves its work: the first asks for a clean stop, the second ends the process at once. A clean stop
// that takes too long, since the engine is inside a computation, is ended too (native/interruption.cpp): every file is whole at any instant.
// Commands without work to save have no such handler: a signal ends them as it ends any program.

import { constants } from 'node:os';
import { endAfterSignal } from '../../engine/machine.ts';
import { Interruption } from '../../failure.ts';

export interface Interrupt extends Disposable {
  /** Aborted at the first Ctrl-C or SIGTERM, with an Interruption. */
  signal: AbortSignal;
}

const signals = ['SIGINT', 'SIGTERM'] as const;
const millisecondsToStop = 3000; // giving gigabytes back to the system takes up to a second more

let first: (typeof signals)[number] | undefined;

/** What a stopped command exits with: 130 after Ctrl-C, 143 after SIGTERM, as shells count. */
export const interruptedExitCode = (): number => 128 + constants.signals[first ?? 'SIGINT'];

/** @param kept completes "stopped in the midst of a computation; ": what there is to go on from when no clean stop was possible */
export function onInterrupt(atFirst: () => void, kept: string): Interrupt {
  const controller = new AbortController();
  const handle = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(interruptedExitCode());
    first = signal === 'SIGTERM' ? signal : 'SIGINT';
    atFirst();
    controller.abort(new Interruption('stopped'));
  };
  for (const signal of signals) process.on(signal, handle);
  const guard = endAfterSignal(millisecondsToStop, `nasnet: stopped in the midst of a computation; ${kept}\n`);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      guard[Symbol.dispose]();
      for (const signal of signals) process.off(signal, handle);
    },
  };
}
