// The page of one study as a file: the same pictures, opened by a double click, without a server. It has all columns of
// all trials, and the epochs of the best.

import { gzipSync } from 'node:zlib';
import { DatabaseFile } from '../database/file.ts';
import { studyFormat } from '../study/format.ts';
import { answers, type Question } from './answers.ts';
import { questionKey } from './question-key.ts';
import type { Rows } from './rows.ts';
import { pageParts } from './server/page-files.ts';
import { studyName } from './study-name.ts';
import { groups } from './trial-columns.ts';
import { onePage } from './viewer-page.ts';

/** The number of trials whose epochs are in the page. */
const trialsInFull = 60;

export interface StoredAnswers {
  name: string;
  path: string;
  /** By question: JSON, or base64 of bytes. */
  answers: Record<string, { json: unknown } | { bytes: string }>;
}

/** Returns the text of the page. @throws InputError or Failure where the study cannot be read */
export async function reportPage(path: string): Promise<string> {
  const name = studyName(path);
  const file = DatabaseFile.open(path, studyFormat, { readOnly: true });
  try {
    const rows: Rows = {
      all: (sql, ...values) => file.query(sql).all(...values),
      each: (sql, ...values) => file.query(sql).each(...values),
    };
    const stored: StoredAnswers = { name, path, answers: storedAnswers(rows) };
    const { script, style } = await pageParts('report');
    const study = gzipSync(JSON.stringify(stored), { level: 9 });
    return onePage({ title: `nasnet: ${name}`, script, style, data: { study } });
  } finally {
    file.close();
  }
}

function storedAnswers(rows: Rows): StoredAnswers['answers'] {
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
  return Object.fromEntries(
    asked.map(([question, parameters]) => {
      const answer = answers[question](rows, parameters);
      const stored =
        answer instanceof Uint8Array ? { bytes: Buffer.from(answer).toString('base64') } : { json: answer };
      return [questionKey(0, question, parameters), stored];
    }),
  );
}
