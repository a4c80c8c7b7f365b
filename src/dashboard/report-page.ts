// The page of one study as a file: the same pictures, opened by a double click, without a server. It has all columns of
// all trials, and the epochs of the best.

import { gzipSync } from 'node:zlib';
import type { Rows } from '../database/rows.ts';
import type { Study } from '../study/study.ts';
import { answers, type Question } from './answers.ts';
import { questionKey } from './question-key.ts';
import { pageParts } from './server/page-files.ts';
import { studyName } from './study-name.ts';
import { groups } from './trial-columns.ts';
import { onePage } from './viewer-page.ts';

/** The number of trials whose epochs are in the page. */
const trialsInFull = 60;

export interface StoredAnswers {
  name: string;
  path: string;
  /** By question: JSON, or a range of the bytes that the page carries. */
  answers: Record<string, { json: unknown } | { from: number; to: number }>;
}

/** Returns the text of the page. @throws InputError or Failure where the study cannot be read */
export async function reportPage({ path, rows }: Pick<Study, 'path' | 'rows'>): Promise<string> {
  const name = studyName(path);
  const { answers: stored, bytes } = storedAnswers(rows);
  const { script, style } = await pageParts('report');
  const text = JSON.stringify({ name, path, answers: stored } satisfies StoredAnswers);
  const data = { study: gzipSync(text), columns: gzipSync(bytes) };
  return onePage({ title: `nasnet: ${name}`, script, style, data });
}

/** Returns the answers that the page needs, and the bytes of those that are columns. */
function storedAnswers(rows: Rows): Pick<StoredAnswers, 'answers'> & { bytes: Uint8Array } {
  const best = `SELECT number FROM trials WHERE state = 'done' AND same_as IS NULL ORDER BY reward DESC LIMIT ?`;
  const finalists = 'SELECT DISTINCT trial AS number FROM finalist_runs';
  const numbers = new Set(
    [...rows.all(best, trialsInFull), ...rows.all(finalists)].map(({ number }) => Number(number)),
  );
  const asked: [Question, Record<string, string>][] = [
    ['study', {}],
    ...groups.map((group): [Question, Record<string, string>] => ['trials', { group, from: '0' }]),
    ['course', { after: '0' }],
    ['attempts', { limit: '4000' }],
    ['selection', {}],
    ['failures', { limit: '200' }],
    ...[...numbers].map((number): [Question, Record<string, string>] => ['trial', { number: String(number) }]),
  ];
  const parts: Uint8Array[] = [];
  let from = 0;
  const stored = asked.map(([question, parameters]): [string, StoredAnswers['answers'][string]] => {
    const key = questionKey(0, question, parameters);
    const answer = answers[question](rows, parameters);
    if (!(answer instanceof Uint8Array)) return [key, { json: answer }];
    parts.push(answer);
    const range = { from, to: from + answer.length };
    from = range.to;
    return [key, range];
  });
  return { answers: Object.fromEntries(stored), bytes: Buffer.concat(parts) };
}
