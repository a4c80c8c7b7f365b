// The decisions and reports of a search in the order of its log, over all rungs of a ladder.

import Database from 'better-sqlite3';

export interface Decision {
  kind: 'ask' | 'promote' | 'tell' | 'rung-tell';
  number: number;
  rung: number;
  /** The arm of a promotion, whether it was at random, and whether it is the first of this training. */
  ladder?: number;
  drawn?: boolean;
  wanted?: boolean;
}

export function decisionsOf(path: string): Decision[] {
  const file = new Database(path, { readonly: true });
  const sql = `SELECT kind, trial, detail FROM events WHERE kind IN ('ask', 'promote', 'tell', 'rung-tell') ORDER BY sequence`;
  const rows = file.prepare<[], { kind: Decision['kind']; trial: number; detail: string | null }>(sql).all();
  file.close();
  const wanted = new Set<string>();
  return rows.map(({ kind, trial: number, detail }) => {
    const decision: Decision = { kind, number, rung: 0, ...(detail === null ? {} : JSON.parse(detail)) };
    if (kind !== 'promote') return decision;
    const key = `${number} ${decision.rung}`;
    const first = !wanted.has(key);
    wanted.add(key);
    return { ...decision, wanted: first };
  });
}
