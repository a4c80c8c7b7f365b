// One Ctrl-C is one interrupt: a terminal sends it to every process of the group, and npm and our launcher pass it on
// once more. A program that stops gently at the first and at once at the second must not take these for two.

const sameGesture = 400; // ms

/** Repeats of a signal that come this close together are not delivered to its listeners. */
export function collapseRepeatedSignals() {
  /** @type {Map<string, number>} */
  const last = new Map();
  const emit = process.emit;
  // @ts-expect-error emit is overloaded per event; this passes everything on unchanged
  process.emit = (/** @type {string} */ name, ...parameters) => {
    if (name === 'SIGINT' || name === 'SIGTERM') {
      const before = last.get(name) ?? Number.NEGATIVE_INFINITY;
      last.set(name, performance.now());
      if (performance.now() - before < sameGesture) return true;
    }
    return Reflect.apply(emit, process, [name, ...parameters]);
  };
}
