// The append-only event log of a study. A strategy's state depends only on its asks and tells.

import type { DatabaseFile } from '../database/file.ts';

/** Events of all trainings. */
export type TrainingEvent = 'start' | 'done' | 'fail' | 'tell' | 'retry' | 'requeue';

/** Events of trials have no prefix; those of promoted trials and of finalists have the rung or run in the detail. */
export type EventKind =
  | TrainingEvent
  | 'ask'
  | 'update'
  | 'policy'
  | 'request'
  | 'promote'
  | `rung-${TrainingEvent}`
  | 'finalist-want'
  | `finalist-${Exclude<TrainingEvent, 'tell'>}`;

/** Appends an event and returns its sequence number. */
export function addEvent(
  file: DatabaseFile,
  kind: EventKind,
  trial: number | null,
  detail: string | null = null,
): number {
  const sql = 'INSERT INTO events (at, kind, trial, detail) VALUES (?, ?, ?, ?)';
  return file.query(sql).insert(Date.now(), kind, trial, detail);
}
