// How a lack of memory is recognised: by the kind that the addon, and whoever passes its errors on, gives an error; in the
// words of others (C++, Linux, V8, onnxruntime, libvips) where there is no kind.

const words =
  /out of memory|not enough memory|OutOfMemory|(can't|cannot|could not|failed to|unable to) allocate|bad[_ ]alloc|ALLOC_FAILED/i;

/** Whether a line that a program printed says so. */
export function speaksOfMemory(line: string): boolean {
  return words.test(line);
}

export function lacksMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { kind } = error as { kind?: unknown };
  return kind === undefined ? speaksOfMemory(error.message) : kind === 'out-of-memory';
}
