import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { defaultStudy } from '../../../src/cli/search/default-study.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';

const folder = temporaryFolder({ after });
const before = process.cwd();
process.chdir(folder);
after(() => process.chdir(before));

test('each dataset has its own study, different from those of presets and evaluators', () => {
  for (const [preset, dataset, study] of [
    ['laptop', 'cifar10', 'runs/laptop/study.db'],
    ['micro', 'cifar10', 'runs/micro/study.db'],
    ['laptop', 'photos', 'runs/photos/study.db'],
    ['laptop', './photos/', 'runs/photos/study.db'],
    ['laptop', '/data/my photos', 'runs/my photos/study.db'],
    ['micro', 'photos', 'runs/photos-micro/study.db'],
    ['laptop', 'laptop', 'runs/laptop-images/study.db'],
    ['laptop', 'evaluator', 'runs/evaluator-images/study.db'],
    ['laptop', '/', 'runs/images/study.db'],
  ] as const)
    assert.equal(defaultStudy({ preset, dataset }), study);
});

test('a study of the same folder under the name of the preset is resumed, another one is not', () => {
  mkdirSync('runs/laptop', { recursive: true });
  const settings = settingsOf('laptop', { dataset: 'photos', seed: 1, strategy: 'ppo' });
  Study.create('runs/laptop/study.db', settings).close();
  assert.equal(defaultStudy({ preset: 'laptop', dataset: join(folder, 'photos') }), 'runs/laptop/study.db');
  assert.equal(defaultStudy({ preset: 'laptop', dataset: 'pets' }), 'runs/pets/study.db');
  mkdirSync('runs/photos', { recursive: true });
  Study.create('runs/photos/study.db', settings).close();
  assert.equal(defaultStudy({ preset: 'laptop', dataset: 'photos' }), 'runs/photos/study.db');
});
