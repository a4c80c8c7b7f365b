// Several searches with one folder of results: none replaces what another one has not finished.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lockOutputs } from '../../../src/cli/output-lock.ts';
import { resultFilesOf } from '../../../src/cli/study-results.ts';
import { ResultFiles } from '../../../src/result-files.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import { Study } from '../../../src/study/study.ts';
import { paintDarkAndLight } from '../../data/paint.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { start } from '../running.ts';

const folder = temporaryFolder({ after });
const images = join(folder, 'images');
const checkpoint = join(folder, 'checkpoint.safetensors');

before(() => paintDarkAndLight(images, { count: 15, side: 16 }));

const search = (study: string) =>
  start(['search', '--preset', 'smoke', '--dataset', images, '--trials', '1', '--study', join(folder, study)], {
    NASNET_CACHE: join(folder, 'cache'),
  }).ended;

test('a search begins in no folder with the checkpoint of another one', async () => {
  writeFileSync(checkpoint, 'of a final network');
  const { code, stderr } = await search('new.db');
  assert.match(stderr, /checkpoint\.safetensors: exists already, .* or replace it with --overwrite\n$/);
  assert.equal(code, 2);
  assert.equal(readFileSync(checkpoint, 'utf8'), 'of a final network');

  const create = (name: string) => Study.create(join(folder, name), settingsOf('smoke', { dataset: images, seed: 1 }));
  using one = create('one.db');
  using other = create('other.db');
  resultFilesOf(one, folder).claim(checkpoint); // no earlier version has recorded it
  assert.throws(() => resultFilesOf(other, folder).check(checkpoint), /exists already, written by study/);
  rmSync(checkpoint);
});

test('two searches do not write to one folder at once', async () => {
  const network = join(folder, 'network.safetensors');
  using _ = lockOutputs(new ResultFiles({ of: 'another search' }), network);
  const { code, stderr } = await search('second.db');
  assert.match(stderr, /network\.safetensors: expected an output of this process alone, got one that another process/);
  assert.equal(code, 1);
});
