// Laws for every entry of the table of settings: the study has the value of the flag, and is not resumed with another
// value.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { typedFlag } from '../../../src/cli/flags/user-flags.ts';
import { type SettingFlags, type SettingName, searchSettings } from '../../../src/cli/search/search-settings.ts';
import type { Setting } from '../../../src/cli/search/setting.ts';
import {
  addSettingFlags,
  evaluatedNames,
  refuseOthers,
  requestOf,
  settingNames,
} from '../../../src/cli/search/setting-flags.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import type { SearchSettings } from '../../../src/study/settings.ts';

const table: Readonly<Record<SettingName, Setting<unknown>>> = searchSettings;

/** Two values of each flag, as a user types them. */
const typed = [
  ['7', '8'],
  ['0.25', '0.75'],
  ['800M', '2G'],
  ['1,3', '1,3:filters=16'],
  ['b', 'c'],
  ['penalise', 'resample'],
  ['weights', 'sampling'],
  ['nasnet-a', 'nasnet-a'],
  ['smoke', 'micro'],
  ['paper', 'darts'],
  ['random', 'evolution'],
];

/** Returns the value that commander parses from `--flag text`; undefined if the flag refuses it. */
async function parsed(name: SettingName, text: string): Promise<SettingFlags | undefined> {
  const command = addSettingFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const words = ['--dataset', 'photos', typedFlag(name), ...(table[name].takes ? [text] : [])];
  try {
    command.parse(words, { from: 'user' });
    const flags = command.opts<SettingFlags>();
    return (await begun(flags)) && flags;
  } catch {
    return undefined;
  }
}

/** Returns the settings of a search with these flags, with limits without laws. */
async function begun(flags: SettingFlags): Promise<SearchSettings> {
  const { limits, ...asked } = await requestOf(flags, settingNames, () => {});
  const { dataset, seed } = flags;
  const { memory, latency, beyond = 'resample', ...sizes } = limits!;
  const none = { law: [0, 0, 0], measured: 1, error: 0, machine: 'here' };
  const stated = {
    ...sizes,
    ...(memory !== undefined && { memory: { bytes: memory, law: none.law } }),
    ...(latency !== undefined && { latency: { milliseconds: latency, ...none } }),
    beyond,
  };
  return settingsOf(flags.preset, {
    rungs: [{}, {}],
    ...asked,
    dataset,
    seed,
    finalists: asked.finalists ?? 2,
    limits: stated,
  });
}

const defined = <Value>(value: Value | undefined): value is Value => value !== undefined;

for (const name of settingNames) {
  test(`${typedFlag(name)} is stored in the study, and no other value resumes it`, async () => {
    const pairs = typed.map(async (pair) =>
      (await Promise.all(pair.map((text) => parsed(name, text)))).filter(defined),
    );
    const values = (await Promise.all(pairs)).find(({ length }) => length > 0) ?? [];
    assert.ok(values.length > 0, 'no kind of value in the test suits it');
    const [first, second] = values;
    const study = await begun(first!);
    const given = new Set([name]);
    await refuseOthers('study.db', study, first!, given);
    if (!table[name].stored || JSON.stringify(first) === JSON.stringify(second)) return;
    await assert.rejects(refuseOthers('study.db', study, second!, given), (error: Error) =>
      error.message.startsWith(`${typedFlag(name)}: expected `),
    );
  });
}

test('every flag has its own name, and its help names its argument', () => {
  const { options } = addSettingFlags(new Command());
  assert.deepEqual(
    options.filter(({ negate }) => !negate).map((option) => option.attributeName()),
    settingNames,
  );
  assert.ok(options.every(({ description }) => description.length > 10));
});

test('a search with an external evaluator has no settings of training', () => {
  const training: SettingName[] = ['epochs', 'dataset', 'size', 'rungs', 'finalists', 'maxLatency', 'overLimit'];
  const any: SettingName[] = ['preset', 'trials', 'seed', 'strategy', 'space', 'blocks', 'known', 'reEvaluate'];
  assert.deepEqual(
    training.filter((name) => evaluatedNames.includes(name)),
    [],
  );
  assert.deepEqual(
    any.filter((name) => evaluatedNames.includes(name)),
    any,
  );
});
