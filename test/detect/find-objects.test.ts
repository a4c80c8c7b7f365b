// A search for objects in many pictures, stopped and resumed.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findObjects } from '../../src/detect/find-objects.ts';
import { SavedObjects } from '../../src/detect/saved-objects.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { lively } from './lively.ts';
import { makeShapes } from './shapes.ts';

const folder = temporaryFolder({ after });

test('a search that is stopped resumes with what it found, and finds the same', async () => {
  const detector = lively('fpn', [64, 64]);
  const { pictures } = await makeShapes(join(folder, 'shapes'), { count: 4, seed: 1, side: 64 });
  const broken = join(folder, 'broken.png');
  writeFileSync(broken, 'no picture');
  const paths = [broken, ...pictures.map(({ path }) => path)];
  const through = await findObjects(detector, paths);
  assert.equal(through.unreadable.length, 1);
  const saved = () => new SavedObjects(join(folder, 'state', 'found.json'), paths.length, assert.fail);
  const stop = new AbortController();
  const onProgress = (done: number) => done === 3 && stop.abort(new Error('enough'));
  await assert.rejects(findObjects(detector, paths, { saved: saved(), signal: stop.signal, onProgress }), /enough/);
  const looked: number[] = [];
  const resumed = await findObjects(detector, paths, {
    saved: saved(),
    onResume: (done) => looked.push(done),
    onProgress: (done) => looked.push(done),
  });
  assert.deepEqual(looked, [3, 4, 5]);
  assert.deepEqual(resumed, through);
  assert.equal(saved().read(), undefined, 'nothing is left of a search that ended');
});

test('what another search or nobody has saved is not read', () => {
  const path = join(folder, 'other.json');
  const state = { format: 1, count: 2, done: 1, detections: [], unreadable: [] };
  for (const text of ['{', JSON.stringify({ ...state, done: 3 }), JSON.stringify({ ...state, count: 3 })]) {
    writeFileSync(path, text);
    assert.equal(new SavedObjects(path, 2, assert.fail).read(), undefined);
  }
  writeFileSync(path, JSON.stringify(state));
  assert.equal(new SavedObjects(path, 2, assert.fail).read()?.done, 1);
});
