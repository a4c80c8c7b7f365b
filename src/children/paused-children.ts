// Children that wait for a promotion, as files beside the study: one a trial and rung, written by the worker that trained it
// (training-job.ts). Here they get their names and are cleared away; a file that is missing costs a training anew and nothing else.

import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const unfinished = /\.\d+\.part$/; // what whole-file.ts has not put in place yet

export class PausedChildren {
  readonly folder: string;

  constructor(studyPath: string) {
    this.folder = `${studyPath}-paused`;
  }

  path(trial: number, rung: number): string {
    return join(this.folder, nameOf(trial, rung));
  }

  /** Removes the files of all others, and the folder when nothing is left. Whatever cannot be removed stays. */
  keepOnly(needed: readonly { member: number; rung: number }[]): void {
    const names = new Set(needed.map(({ member, rung }) => nameOf(member, rung)));
    try {
      const found = readdirSync(this.folder);
      const idle = found.filter((name) => isOurs(name) && !names.has(name.replace(unfinished, '')));
      for (const name of idle) rmSync(join(this.folder, name), { force: true });
      if (needed.length === 0) rmdirSync(this.folder);
    } catch {
      // no child is waiting yet, or the folder is not ours to change: files that stay cost space only
    }
  }
}

const nameOf = (trial: number, rung: number) => `trial-${trial}-rung-${rung}.safetensors`;
const isOurs = (name: string) => /^trial-\d+-rung-\d+\.safetensors/.test(name);
