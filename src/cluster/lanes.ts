// Workers differ in memory, and BullMQ does not send jobs by what they need. A search therefore has a queue ("lane")
// for each size of job: the next power of two above what is predicted, with a margin. A worker takes from those that it
// has the memory for.

const margin = 1.3; // predictions of memory are right to about 10%, and libtorch's allocator keeps more
const smallest = 2 ** 30;

/** Returns the size of a job's lane in bytes; 0 if its memory is not known. */
export function laneSize(memory: number | undefined): number {
  if (memory === undefined || memory <= 0) return 0;
  return Math.max(smallest, 2 ** Math.ceil(Math.log2(margin * memory)));
}

/** The name of a lane's queue. BullMQ allows no colon in it. */
export const laneName = (search: string, size: number): string => `${search}-${Math.round(size / smallest)}g`;
