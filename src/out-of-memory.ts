// Recognises errors about a lack of memory: by their `kind`, which errors of the addon have, otherwise by the messages
// of other programs (C++, Linux, V8, onnxruntime, libvips).

const words =
  /out of memory|not enough memory|OutOfMemory|(can't|cannot|could not|failed to|unable to) allocate|bad[_ ]alloc|ALLOC_FAILED/i;

/** Whether a line that a program printed reports a lack of memory. */
export function speaksOfMemory(line: string): boolean {
  return words.test(line);
}

export function lacksMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { kind } = error as { kind?: unknown };
  return kind === undefined ? speaksOfMemory(error.message) : kind === 'out-of-memory';
}
