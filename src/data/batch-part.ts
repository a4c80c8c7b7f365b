// The part of every batch that one of several processes trains on. The parts one after another are the whole batch, so
// that the images of a step and their augmentation do not depend on the number of processes.

/** Part `index` (from 0) of `count`. */
export interface BatchPart {
  index: number;
  count: number;
}

export const wholeBatch: BatchPart = { index: 0, count: 1 };

/** Returns the images of a part: parts differ by one image at most. */
export function partRange({ index, count }: BatchPart, images: number): { first: number; length: number } {
  const place = (part: number) => Math.round((part * images) / count);
  return { first: place(index), length: place(index + 1) - place(index) };
}

/** Returns the columns of a part of integers [rows, images], row by row. */
export function partColumns(integers: Int32Array, images: number, part: BatchPart): Int32Array {
  if (part.count === 1) return integers;
  const { first, length } = partRange(part, images);
  const rows = integers.length / images;
  const own = new Int32Array(rows * length);
  for (let row = 0; row < rows; row++)
    own.set(integers.subarray(row * images + first, row * images + first + length), row * length);
  return own;
}
