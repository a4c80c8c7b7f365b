// What the preparation of a dataset tells its caller while it works. Whoever asked for it draws the bar.

export interface Progress {
  task: 'wait' | 'download' | 'decode' | 'shrink';
  /** What is being worked on, in words: "CIFAR-10", a folder. */
  subject: string;
  done: number;
  /** 0 while it is not known. */
  total: number;
  unit: 'bytes' | 'images';
}

/** Is told the first and the last state of a task and many between, in order. */
export type OnProgress = (progress: Progress) => void;
