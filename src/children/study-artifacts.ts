// What the jobs of a search leave (artifacts.ts), by key: children that wait for a promotion, checkpoints of trainings under way, the
// weights of the final network. A file that is missing costs a training from its beginning and nothing else.

import { dirname } from 'node:path';
import type { ArtifactFolders, ArtifactKey, Artifacts } from '../artifacts.ts';

/** The file of the final network's weights, in the results folder. */
export const weightsName = 'network.safetensors';

const pausedKind = 'paused';
const unfinishedKind = 'unfinished';

/** A child that waits for its promotion, written by the worker that trained it at that rung. */
export const pausedChild = (trial: number, rung: number): ArtifactKey =>
  `${pausedKind}/trial-${trial}-rung-${rung}.safetensors`;

/** The checkpoint of a trial's training; only trainings of more than half a minute ever have one. */
export const unfinishedTrial = (trial: number, rung = 0): ArtifactKey =>
  `${unfinishedKind}/trial-${trial}-rung-${rung}.safetensors`;

export const unfinishedFinalist = (trial: number, run: number): ArtifactKey =>
  `${unfinishedKind}/finalist-${trial}-run-${run}.safetensors`;

export const finalCheckpoint: ArtifactKey = 'final/checkpoint.safetensors';
export const finalWeights: ArtifactKey = `final/${weightsName}`;

/** Where a search keeps them on this machine: beside its study, what belongs to the final network among its results. */
export function studyFolders(study: string, results = dirname(study)): ArtifactFolders {
  return { [pausedKind]: `${study}-paused`, [unfinishedKind]: `${study}-unfinished`, final: results };
}

/** Removes the paused children of all others. */
export async function keepPaused(artifacts: Artifacts, needed: readonly { member: number; rung: number }[]) {
  if (needed.length === 0) return artifacts.clear(pausedKind);
  const keys = new Set(needed.map(({ member, rung }) => pausedChild(member, rung)));
  for (const key of await artifacts.list(pausedKind)) if (!keys.has(key)) await artifacts.remove(key);
}

/** When no training is under way any more: the checkpoints of those that failed are still there. */
export const clearUnfinished = (artifacts: Artifacts): Promise<void> => artifacts.clear(unfinishedKind);
