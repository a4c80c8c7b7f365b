// Uses the table of settings: adds flags, derives the request of a new search, compares a resumed study, and prints the
// settings.

import { type Command, Option } from 'commander';
import { InputError } from '../../failure.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { typedFlag, type UserFlags } from '../flags/user-flags.ts';
import { type SettingFlags, type SettingName, searchSettings } from './search-settings.ts';
import type { Setting, SettingRequest } from './setting.ts';

const settings: Readonly<Record<SettingName, Setting<unknown>>> = searchSettings;

export const settingNames = Object.keys(settings) as SettingName[];

/** The settings of a search with an external evaluator. */
export const evaluatedNames = settingNames.filter((name) => !settings[name].ofTraining);

export function addSettingFlags(command: Command, names: readonly SettingName[] = settingNames): Command {
  for (const name of names) {
    const { without } = settings[name];
    command.addOption(optionOf(typedFlag(name), settings[name]));
    if (without) command.addOption(new Option(typedFlag(name).replace('--', '--no-'), without));
  }
  return command;
}

function optionOf(flag: string, { takes, help, parse, choices, default: usual }: Setting<unknown>): Option {
  const option = new Option(takes ? `${flag} ${takes}` : flag, help);
  if (parse) option.argParser(parse(flag));
  if (choices) option.choices(choices);
  return usual === undefined ? option : option.default(usual);
}

/** Returns the combined request of these settings' flags. @throws InputError if they are inconsistent */
export async function requestOf(
  flags: Partial<SettingFlags> & Pick<SettingFlags, 'space'>,
  names: readonly SettingName[],
  note: (line: string) => void,
): Promise<SettingRequest> {
  let all: SettingRequest = {};
  for (const name of names) {
    const value = flags[name];
    if (value === undefined) continue;
    const request = await settings[name].asks?.(value, { flags, note });
    all = {
      ...all,
      ...request,
      limits: { ...all.limits, ...request?.limits },
      ...(request?.recipes && { recipes: { ...all.recipes, ...request.recipes } }),
      ...(request?.finalChanges && { finalChanges: { ...all.finalChanges, ...request.finalChanges } }),
    };
  }
  return all;
}

/** Refuses flags without the flag that they need. @throws InputError */
export function refuseNeedless(wanted: SearchSettings, userFlags: UserFlags): void {
  for (const name of settingNames) {
    const { needs } = settings[name];
    if (needs && userFlags.has(name) && !needs.met(wanted))
      throw new InputError(`${typedFlag(name)}: expected ${needs.flag} with it, got none`);
  }
}

/** Refuses flags that differ from the settings of the study. @throws InputError */
export async function refuseOthers(
  path: string,
  original: SearchSettings,
  flags: Partial<SettingFlags>,
  userFlags: UserFlags,
): Promise<void> {
  for (const name of settingNames) {
    const { stored: storedIn, compared, difference } = settings[name];
    const value = flags[name];
    if (!storedIn || !userFlags.has(name) || value === undefined) continue;
    const stored = storedIn(original);
    const requested = compared ? await compared(value, original) : value;
    if (JSON.stringify(requested) === JSON.stringify(stored)) continue;
    const { expected, got } = difference?.(stored) ?? { expected: `${stored ?? 'none'}`, got: `${requested}` };
    throw new InputError(
      `${typedFlag(name)}: expected ${expected}, with which ${path} was started, got ${got}; name another file with --study to start a new search`,
    );
  }
}

/** Returns the settings as rows of a name and words. */
export function statedRows(of: SearchSettings, counts: ImageCounts): [row: string, words: string][] {
  const rows: [row: string, words: string][] = [];
  for (const name of settingNames) {
    const before = [...rows];
    for (const [label, words] of settings[name].states?.(of, counts) ?? []) {
      const original = before.find(([other]) => other === label);
      if (original) original[1] += `, ${words}`;
      else rows.push([label, words]);
    }
  }
  return rows;
}
