// The commands that a search suggests at its end: a new one is like the one that has ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import type { SettingFlags } from '../../../src/cli/search/search-settings.ts';
import { addSettingFlags, requestOf, settingNames } from '../../../src/cli/search/setting-flags.ts';
import { whatNext } from '../../../src/cli/search/what-next.ts';
import { onCpu } from '../../../src/engine/device.ts';
import { newSearchOf } from '../../../src/forecast/new-search.ts';
import { type SearchRequest, settingsOf } from '../../../src/study/presets.ts';
import type { SearchSettings } from '../../../src/study/settings.ts';

const counts = { images: 50_000, classes: 10, test: 10_000 };
/** A GPU, since only the CPU is measured. */
const options = { workers: 2, computing: { ...onCpu, device: 'cuda:0' }, knownAsked: true, always: false };

const suggested = (preset: string, request: Omit<SearchRequest, 'dataset' | 'seed'>) => {
  const settings = settingsOf(preset, { dataset: 'cifar10', seed: 3, ...request });
  const lines = whatNext({ settings, study: 'runs/x/study.db', directory: 'runs/x', trials: settings.trials });
  return /search (.*) --seed 4 --study/.exec(lines.at(-1)!)?.[1] ?? '';
};

test('a new search has the flags of the one that has ended, where they differ from the defaults', () => {
  assert.equal(suggested('laptop', {}), '');
  assert.equal(suggested('laptop', { budget: 330 }), '--minutes 5.5');
  assert.equal(suggested('laptop', { trials: 12 }), '--trials 12');
  assert.equal(suggested('laptop', { budget: 330, strategy: 'ppo' }), '--minutes 5.5 --strategy ppo');
  assert.equal(suggested('paper', {}), '--preset paper');
  assert.equal(suggested('paper', { trials: 7, strategy: 'random' }), '--preset paper --trials 7 --strategy random');
});

/** Returns the settings of a search that is begun with these flags, with limits without laws. */
async function begun(words: string[]): Promise<SearchSettings> {
  const command = addSettingFlags(new Command()).exitOverride();
  command.parse(words, { from: 'user' });
  const flags = command.opts<SettingFlags>();
  const { limits: { beyond = 'resample', memory, latency, ...sizes } = {}, ...asked } = await requestOf(
    flags,
    settingNames,
    () => {},
  );
  const stated = {
    ...sizes,
    ...(memory !== undefined && { memory: { bytes: memory, law: [0, 0, 0] } }),
    ...(latency !== undefined && {
      latency: { milliseconds: latency, law: [0, 0, 0], measured: 1, error: 0, machine: 'here' },
    }),
  };
  const limited = Object.keys(stated).length > 0 && { limits: { ...stated, beyond } };
  return settingsOf(flags.preset, { ...asked, dataset: flags.dataset, seed: flags.seed, ...limited });
}

/** Returns the settings of the search that these settings suggest at their end. */
function begunNext(settings: SearchSettings): Promise<SearchSettings> {
  const lines = whatNext({ settings, study: 'a.db', directory: '.', trials: settings.trials });
  const [, flags] = /search (.*)--seed 2 --study/.exec(lines.at(-1)!)!;
  return begun(flags!.split(' ').filter(Boolean));
}

test('a new search begins as the one that has ended, whatever its flags were', async () => {
  const searches = [
    '',
    '--hours 2 --strategy ppo',
    '--trials 7 --epochs 2',
    '--space b --blocks 3',
    '--rungs 1,3:filters=16 --reduction 4 --random-promotions 0.1',
    '--preset smoke --trials 3 --rungs 2,4 --finalists 0',
    '--preset paper --rungs 1,3',
    '--rungs 2,5',
    '--trials 9 --finalists 3 --finalist-epochs 2',
    '--final-filters 16',
    '--final-size 16',
    '--final-filters 8',
    '--final-epochs 3 --final-filters 8 --final-size 24',
    '--final-patience 2 --final-balance weights',
    '--child-recipe small --final-recipe paper --final-patience 3',
    '--final-recipe darts --trials 6 --rungs 1,2:resolution=16 --child-recipe paper',
    '--final-average-weights 0 --final-label-smoothing 0.1 --final-accumulate 4',
    '--final-recipe paper --final-average-weights 0.5 --trials 3',
    '--no-known',
    '--trials 5 --known nasnet-a',
    '--max-parameters 800_000 --max-multiply-adds 30M --over-limit penalise',
    '--max-memory 1234567.8K --max-latency 2.5',
    '--re-evaluate',
    '--preset micro --strategy random,ppo --finalists 0',
    '--dataset photos --size 64 --minutes 3',
    '--dataset photos',
    '--dataset photos --final-size 24',
    '--dataset photos --final-size 24 --trials 5',
    '--dataset photos --size 32',
    '--dataset photos --size 32 --final-size 24',
    '--trials 6 --dataset photos --size 48 --final-size 48',
    '--minutes 240 --epochs 1',
    '--dataset photos --epochs 5 --finalists 4 --finalist-epochs 9',
  ];
  for (const words of searches) {
    const settings = await begun(words.split(' ').filter(Boolean));
    assert.deepEqual(await begunNext(settings), settings, words);
  }
});

test('a new search has none of the epochs that were planned for the one that has ended, but those that were asked for', async () => {
  const searches = [
    '--minutes 60',
    '--minutes 60 --epochs 1',
    '--minutes 60 --finalists 4 --finalist-epochs 6',
    '--minutes 60 --rungs 1,3',
    '--trials 9 --finalists 3 --dataset photos',
    '--trials 9 --finalists 3 --epochs 5 --finalist-epochs 9 --dataset photos',
  ];
  for (const words of searches)
    for (const images of [50_000, 5000]) {
      const stated = await begun(words.split(' '));
      const { settings } = await newSearchOf(stated, { ...options, counts: { ...counts, images } }, () => {});
      assert.deepEqual(await begunNext(settings), stated, `${words}, ${images} images`);
    }
});
