// Where the trainings of a search's children and finalists keep their checkpoints while they run: a folder beside the study, one file
// each, removed by the worker that finishes it. Only trainings of more than half a minute ever have one.

import { rmSync } from 'node:fs';
import { join } from 'node:path';

export class UnfinishedTrainings {
  readonly #folder: string;

  constructor(studyPath: string) {
    this.#folder = `${studyPath}-unfinished`;
  }

  trial(number: number, rung = 0): { path: string } {
    return { path: join(this.#folder, `trial-${number}-rung-${rung}.safetensors`) };
  }

  finalist(trial: number, run: number): { path: string } {
    return { path: join(this.#folder, `finalist-${trial}-run-${run}.safetensors`) };
  }

  /** When nothing is under way any more: those of trainings that failed are still there. Whatever cannot be removed stays. */
  clear(): void {
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // a folder that is not ours to change costs space only
    }
  }
}
