// The artifacts (artifacts.ts) of a search: paused children that may be promoted, checkpoints of running trainings, the
// weights of the final network. If one is missing, its training starts again.

import { dirname } from 'node:path';
import type { ArtifactFolders, ArtifactKey, Artifacts } from '../artifacts.ts';

/** File name of the final network's weights in the results folder. */
export const weightsName = 'network.safetensors';
/** File names of its weights after the best epoch by the held-out images, and after the last one. */
export const bestWeightsName = 'network.best.safetensors';
export const lastWeightsName = 'network.last.safetensors';

const pausedKind = 'paused';
const unfinishedKind = 'unfinished';

/** The key of a paused child, which the worker that trained it at that rung writes. */
export const pausedChild = (trial: number, rung: number): ArtifactKey =>
  `${pausedKind}/trial-${trial}-rung-${rung}.safetensors`;

/** The key of the checkpoint of a trial's training; only trainings of more than half a minute have one. */
export const unfinishedTrial = (trial: number, rung = 0): ArtifactKey =>
  `${unfinishedKind}/trial-${trial}-rung-${rung}.safetensors`;

export const unfinishedFinalist = (trial: number, run: number): ArtifactKey =>
  `${unfinishedKind}/finalist-${trial}-run-${run}.safetensors`;

/** File name of its checkpoint, there while it is trained. */
export const checkpointName = 'checkpoint.safetensors';
export const finalCheckpoint: ArtifactKey = `final/${checkpointName}`;
/** The models of the final network: what is handed over, and those of the best and the last epoch. */
export const finalModels = {
  weights: `final/${weightsName}`,
  best: `final/${bestWeightsName}`,
  last: `final/${lastWeightsName}`,
} as const satisfies Record<string, ArtifactKey>;

/**
 * Returns the folders of a search's artifacts on this machine: next to its study, those of the final network among its
 * results.
 */
export function studyFolders(study: string, results = dirname(study)): ArtifactFolders {
  return { [pausedKind]: `${study}-paused`, [unfinishedKind]: `${study}-unfinished`, final: results };
}

/** Removes all paused children except those that may still be promoted. */
export async function keepPaused(artifacts: Artifacts, needed: readonly { member: number; rung: number }[]) {
  if (needed.length === 0) return artifacts.clear(pausedKind);
  const keys = new Set(needed.map(({ member, rung }) => pausedChild(member, rung)));
  for (const key of await artifacts.list(pausedKind)) if (!keys.has(key)) await artifacts.remove(key);
}

/** Removes the checkpoints of failed trainings. No training may be running. */
export const clearUnfinished = (artifacts: Artifacts): Promise<void> => artifacts.clear(unfinishedKind);
