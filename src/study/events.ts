// The append-only log of a study: what happened, to which trial. What a strategy's state depends on are its asks and tells alone.

import type { DatabaseFile } from '../database/file.ts';

/** What happens to every training, whosever it is. */
export type TrainingEvent = 'start' | 'done' | 'fail' | 'tell' | 'retry' | 'requeue';

/** Events of trials have no prefix; those of promoted trials and of finalists name their rung or run in the detail. */
export type EventKind =
  | TrainingEvent
  | 'ask'
  | 'update'
  | 'promote'
  | `rung-${TrainingEvent}`
  | 'finalist-want'
  | `finalist-${Exclude<TrainingEvent, 'tell'>}`;

/** Appends to the log and returns the event's place in it. */
export function addEvent(file: DatabaseFile, kind: EventKind, trial: number, detail: string | null = null): number {
  const sql = 'INSERT INTO events (at, kind, trial, detail) VALUES (?, ?, ?, ?)';
  return file.query(sql).insert(Date.now(), kind, trial, detail);
}
