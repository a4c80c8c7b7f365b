// The live display next to a running search: it follows the study and never ends the search.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { SearchDisplay } from '../../../src/cli/search/display.ts';
import { ElapsedOutlook } from '../../../src/experiment/elapsed-outlook.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import { sampleDecisions } from '../../../src/space/sample.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import type { SearchRequest } from '../../../src/study/requests.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';

const folder = temporaryFolder({ after });
const settings = settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random', trials: 4 });

function searchedStudy(name: string, done: number) {
  const study = Study.create(join(folder, name), settings);
  const random = new RandomStream(name);
  for (let trial = 0; trial < done; trial++) {
    study.log.ask(trial, sampleDecisions(random));
    study.log.start(trial);
    study.log.finish(trial, { reward: 0.5, seconds: 10 });
  }
  return study;
}

const terminal = () => Object.assign(new PassThrough(), { isTTY: true, columns: 100 });

test('trials that a person adds count in the bar and in the time left', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  using study = searchedStudy('added.db', 4);
  const stream = terminal();
  const display = new SearchDisplay(stream as unknown as NodeJS.WriteStream);
  const outlook = new ElapsedOutlook(study, 4);
  display.begin(study, 4, 1, outlook);
  const request: SearchRequest = { action: 'add', trials: 4 };
  study.keep('target', 8); // as the loop does
  outlook.on({ kind: 'requested', request });
  display.on({ kind: 'requested', request });
  t.mock.timers.tick(250);
  assert.match(stream.read().toString(), /█{12}░{12} {2}4\/8 cells/);
  outlook.on({ kind: 'done', trial: 4, rung: 0, reward: 0.5, seconds: 10 });
  const after = performance.now() + 60_000; // the first of the four took a minute
  assert.equal(Math.round(outlook.left(after) / 60), 3);
  display.end();
});

test('a target below what is finished fills the bar', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  using study = searchedStudy('lowered.db', 6);
  const stream = terminal();
  const display = new SearchDisplay(stream as unknown as NodeJS.WriteStream);
  display.begin(study, 3, 1, new ElapsedOutlook(study, 3));
  t.mock.timers.tick(250);
  assert.match(stream.read().toString(), /█{24} {2}6\/3 cells/);
  display.end();
});
