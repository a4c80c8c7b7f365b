// A program that searches with a custom evaluator is killed (SIGKILL) several times.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openStudy } from '../../src/library/ask-tell.ts';
import { evolution } from '../../src/library/strategies.ts';
import { temporaryFolder } from '../data/temporary.ts';

const root = resolve(import.meta.dirname, '../..');

/** A search that prints a line at each ask and each tell. */
const program = `
  import { evolution, openStudy } from 'nasnet';
  const study = openStudy(process.argv[1], { strategy: evolution({ populationSize: 6, sampleSize: 3 }), blocks: 2, trials: 40 });
  for (const trial of study.trials()) {
    console.log('asked');
    trial.tell({ reward: trial.decisions.reduce((sum, decision, place) => sum + ((decision * 7 + place) % 5), 0) / 100 });
    console.log('told');
  }
  study.close();
`;

/** Runs the program until it has printed `lines` lines, then kills it; without a number to its end. */
async function run(path: string, lines = Number.POSITIVE_INFINITY): Promise<void> {
  const parameters = ['--conditions=nasnet-source', '--input-type=module', '--eval', program, path];
  const child = spawn(process.execPath, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let printed = 0;
  for await (const _ of createInterface({ input: child.stdout })) if (++printed === lines) child.kill('SIGKILL');
  const [code] = await closed;
  if (lines === Number.POSITIVE_INFINITY) assert.equal(code, 0);
}

test('killed four times between and within trials, it makes the same decisions as one that was not', async (context) => {
  const folder = temporaryFolder(context);
  const [whole, killed] = [join(folder, 'whole.db'), join(folder, 'killed.db')];
  await run(whole);
  for (const lines of [1, 8, 11, 2]) await run(killed, lines);
  await run(killed);
  const decisionsOf = (path: string) => {
    using study = openStudy(path, { strategy: evolution({ populationSize: 6, sampleSize: 3 }) });
    assert.equal(study.asked, 40);
    return study.records().map(({ decisions, reward }) => ({ decisions, reward }));
  };
  assert.deepEqual(decisionsOf(killed), decisionsOf(whole));
});
