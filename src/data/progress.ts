// The progress of a dataset's preparation.

export interface Progress {
  task: 'wait' | 'download' | 'decode' | 'shrink';
  /** The dataset, in words: "CIFAR-10", a folder. */
  subject: string;
  done: number;
  /** 0 if unknown. */
  total: number;
  unit: 'bytes' | 'images';
}

/** Called with the first and last state of a task and many between, in order. */
export type OnProgress = (progress: Progress) => void;
