// A process for file.test.ts: `on-disk.ts ACTION FOLDER|FILE`.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseFile } from '../../src/database/file.ts';
import { notebook } from './notebook.ts';

const [action, place] = process.argv.slice(2) as [string, string];
const path = join(place, 'notes.db');
const write = (file: DatabaseFile) => file.query('INSERT INTO notes (text) VALUES (?)').run('x'.repeat(1000));
const count = (file: DatabaseFile) => file.query('SELECT count(*) AS count FROM notes').get()!.count;
const say = (what: unknown) => process.stdout.write(typeof what === 'string' ? what : JSON.stringify(what));

/** Returns the error that `action` throws as "Name: message". */
function sentenceOf(work: () => unknown): string {
  try {
    work();
    return 'nothing was thrown';
  } catch (error) {
    return String(error);
  }
}

const actions: Record<string, () => void> = {
  fill() {
    const file = DatabaseFile.create(path, notebook, () => {});
    let committed = 0;
    const sentence = sentenceOf(() => {
      for (;;) {
        file.transaction(() => write(file));
        committed++;
      }
    });
    file.close();
    const reader = DatabaseFile.open(path, notebook, { readOnly: true });
    say({ sentence, committed, found: count(reader) });
  },
  create() {
    say({ sentence: sentenceOf(() => DatabaseFile.create(path, notebook, () => {})), names: readdirSync(place) });
  },
  'read-only'() {
    const file = DatabaseFile.create(path, notebook, (empty) => {
      for (let note = 0; note < 7; note++) write(empty);
    });
    file.close();
    spawnSync('mount', ['-o', 'remount,ro', place], { stdio: 'inherit' });
    say({
      found: count(DatabaseFile.open(path, notebook, { readOnly: true })),
      writing: sentenceOf(() => DatabaseFile.open(path, notebook)),
      creating: sentenceOf(() => DatabaseFile.create(join(place, 'other.db'), notebook, () => {})),
    });
  },
  open() {
    const sentence = sentenceOf(() => DatabaseFile.open(place, notebook).close());
    say(sentence === 'nothing was thrown' ? 'opened' : sentence);
  },
  hold() {
    const file = DatabaseFile.open(place, notebook);
    file.transaction(() => write(file));
    say('holding');
    setInterval(() => file, 1000); // until it is killed
  },
};
actions[action]!();
