// The columns of a study's trials that the page holds, in three groups: what the first picture needs, the other
// figures, and the decisions. The stream sends the same values of single trials as rows.

import type { Row, Value } from '../database/row.ts';
import type { Rows } from '../database/rows.ts';
import { type Columns, encodeColumns } from './column-bytes.ts';

export const states = ['queued', 'running', 'done', 'failed'] as const;
export type State = (typeof states)[number];

/** Stands for "no trial" where a column holds numbers of trials. */
export const none = -1;

export const groups = ['core', 'figures', 'decisions'] as const;
export type Group = (typeof groups)[number];

/** All values of one trial. Times in milliseconds since 1970, durations in seconds, memory in bytes. */
export interface TrialRow {
  number: number;
  state: State;
  reward: number | null;
  sameAs: number | null;
  attempts: number;
  asked: number;
  started: number | null;
  finished: number | null;
  seconds: number | null;
  parameters: number | null;
  multiplyAdds: number | null;
  memory: number | null;
  /** Predicted milliseconds of the final network for one image, where the search limits them. */
  latency: number | null;
  decisions: number[];
}

const detail = (name: string) => `CASE WHEN json_valid(details) THEN json_extract(details, '$.${name}') END`;

const sqlColumns: Record<Group, string> = {
  core: 'state, reward, same_as',
  figures: `attempts, asked_at, started_at, finished_at, worker_seconds, ${detail('trainableParameters')} AS parameters,
    ${detail('multiplyAdds')} AS multiply_adds, ${detail('peakMemory')} AS memory, ${detail('latency')} AS latency`,
  decisions: 'decisions',
};

/** Returns the columns of a group from trial `from` to before `to`, as far as there are trials. */
export function trialColumns(rows: Rows, group: Group, from = 0, to = Number.MAX_SAFE_INTEGER): Uint8Array {
  const asked = Number(rows.all('SELECT coalesce(max(number) + 1, 0) AS asked FROM trials')[0]!.asked);
  const count = Math.max(0, Math.min(to, asked) - from);
  const sql = `SELECT number, ${sqlColumns[group]} FROM trials WHERE number >= ? AND number < ? ORDER BY number`;
  const columns = readers[group](rows.each(sql, from, from + count), from, count);
  return encodeColumns({ first: from, count, columns });
}

type Reader = (rows: Iterable<Row>, from: number, count: number) => Columns['columns'];

const missing = (count: number) => new Float32Array(count).fill(Number.NaN);
const missingTimes = (count: number) => new Float64Array(count).fill(Number.NaN);

const readers: Record<Group, Reader> = {
  core(rows, from, count) {
    const state = new Uint8Array(count);
    const reward = missing(count);
    const sameAs = new Int32Array(count).fill(none);
    for (const row of rows) {
      const at = Number(row.number) - from;
      state[at] = states.indexOf(row.state as State);
      reward[at] = numberOr(row.reward);
      sameAs[at] = row.same_as === null ? none : Number(row.same_as);
    }
    return { state, reward, sameAs };
  },
  figures(rows, from, count) {
    const attempts = new Uint8Array(count);
    const [asked, started, finished] = [missingTimes(count), missingTimes(count), missingTimes(count)];
    const [seconds, parameters, multiplyAdds, memory, latency] = [
      missing(count),
      missing(count),
      missing(count),
      missing(count),
      missing(count),
    ];
    for (const row of rows) {
      const at = Number(row.number) - from;
      attempts[at] = Math.min(255, Number(row.attempts));
      asked[at] = Number(row.asked_at);
      started[at] = numberOr(row.started_at);
      finished[at] = numberOr(row.finished_at);
      seconds[at] = numberOr(row.worker_seconds);
      parameters[at] = numberOr(row.parameters);
      multiplyAdds[at] = numberOr(row.multiply_adds);
      memory[at] = numberOr(row.memory);
      latency[at] = numberOr(row.latency);
    }
    return { attempts, asked, started, finished, seconds, parameters, multiplyAdds, memory, latency };
  },
  decisions(rows, from, count) {
    let decisions = new Uint8Array(0);
    let length = 0;
    for (const row of rows) {
      const own = decisionsOf(row.decisions);
      if (length === 0) {
        length = own.length;
        decisions = new Uint8Array(count * length);
      }
      if (own.length === length) decisions.set(own, (Number(row.number) - from) * length);
    }
    return { decisions };
  },
};

/** Returns rows with all values: those of these numbers. */
export function trialRows(rows: Rows, numbers: readonly number[]): TrialRow[] {
  if (numbers.length === 0) return [];
  const { core, figures, decisions } = sqlColumns;
  return rows
    .all(
      `SELECT number, ${core}, ${figures}, ${decisions} FROM trials
        WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number`,
      JSON.stringify(numbers),
    )
    .map((row) => ({
      number: Number(row.number),
      state: row.state as State,
      reward: numberOrNull(row.reward),
      sameAs: numberOrNull(row.same_as),
      attempts: Number(row.attempts),
      asked: Number(row.asked_at),
      started: numberOrNull(row.started_at),
      finished: numberOrNull(row.finished_at),
      seconds: numberOrNull(row.worker_seconds),
      parameters: numberOrNull(row.parameters),
      multiplyAdds: numberOrNull(row.multiply_adds),
      memory: numberOrNull(row.memory),
      latency: numberOrNull(row.latency),
      decisions: decisionsOf(row.decisions),
    }));
}

/** Returns the decisions of a row; empty where it is not what this program writes. */
export function decisionsOf(text: Value | undefined): number[] {
  try {
    const parsed: unknown = JSON.parse(String(text));
    return Array.isArray(parsed) && parsed.every((each) => Number.isInteger(each) && each >= 0 && each < 256)
      ? parsed
      : [];
  } catch {
    return [];
  }
}

const numberOr = (value: Value | undefined): number => (typeof value === 'number' ? value : Number.NaN);
export const numberOrNull = (value: Value | undefined): number | null => (typeof value === 'number' ? value : null);
