// Ctrl-C: the first asks for a clean stop, the second ends the process at once.

export interface Interrupt extends Disposable {
  /** Aborted at the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
}

const interruptedExitCode = 130;

export function onInterrupt(atFirst: () => void): Interrupt {
  const controller = new AbortController();
  const handle = () => {
    if (controller.signal.aborted) process.exit(interruptedExitCode);
    atFirst();
    controller.abort(new Error('interrupted'));
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', handle).off('SIGTERM', handle);
    },
  };
}
