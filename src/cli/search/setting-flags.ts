// What is done with the table of settings: their flags, what they ask of a new search, whether a study that goes on has them, and the
// rows of its statement.

import { type Command, Option } from 'commander';
import { InputError } from '../../failure.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { type GivenFlags, typedFlag } from '../flags/given.ts';
import { type SettingFlags, type SettingName, searchSettings } from './search-settings.ts';
import type { Asked, Setting } from './setting.ts';

const settings: Readonly<Record<SettingName, Setting<unknown>>> = searchSettings;

export const settingNames = Object.keys(settings) as SettingName[];

/** Those of a search whose trials nasnet does not train. */
export const evaluatedNames = settingNames.filter((name) => !settings[name].ofTraining);

export function addSettingFlags(command: Command, names: readonly SettingName[] = settingNames): Command {
  for (const name of names) command.addOption(optionOf(typedFlag(name), settings[name]));
  return command;
}

function optionOf(flag: string, { takes, help, parse, choices, default: usual }: Setting<unknown>): Option {
  const option = new Option(takes ? `${flag} ${takes}` : flag, help);
  if (parse) option.argParser(parse(flag));
  if (choices) option.choices(choices);
  return usual === undefined ? option : option.default(usual);
}

/** What the flags of these settings ask for together. @throws InputError for flags that do not fit together */
export async function askedBy(
  flags: Partial<SettingFlags> & Pick<SettingFlags, 'space'>,
  names: readonly SettingName[],
  note: (line: string) => void,
): Promise<Asked> {
  let all: Asked = {};
  for (const name of names) {
    const value = flags[name];
    if (value === undefined) continue;
    const asked = await settings[name].asks?.(value, { flags, note });
    all = { ...all, ...asked, limits: { ...all.limits, ...asked?.limits } };
  }
  return all;
}

/** @throws InputError for a flag without the one that it needs */
export function refuseNeedless(wanted: SearchSettings, given: GivenFlags): void {
  for (const name of settingNames) {
    const { needs } = settings[name];
    if (needs && given.has(name) && !needs.met(wanted))
      throw new InputError(`${typedFlag(name)}: expected ${needs.flag} with it, got none`);
  }
}

/** @throws InputError if a flag asks for something else than the study in the file was started with */
export async function refuseOthers(
  path: string,
  begun: SearchSettings,
  flags: Partial<SettingFlags>,
  given: GivenFlags,
): Promise<void> {
  for (const name of settingNames) {
    const { stored: storedIn, compared, difference } = settings[name];
    const value = flags[name];
    if (!storedIn || !given.has(name) || value === undefined) continue;
    const stored = storedIn(begun);
    const asked = compared ? await compared(value, begun) : value;
    if (JSON.stringify(asked) === JSON.stringify(stored)) continue;
    const { expected, got } = difference?.(stored) ?? { expected: `${stored ?? 'none'}`, got: `${asked}` };
    throw new InputError(
      `${typedFlag(name)}: expected ${expected}, with which ${path} was started, got ${got}; name another file with --study to start a new search`,
    );
  }
}

/** The statement of a search: rows of what and how much. */
export function statedRows(of: SearchSettings, counts: ImageCounts): [row: string, words: string][] {
  const rows: [row: string, words: string][] = [];
  for (const name of settingNames) {
    const before = [...rows];
    for (const [label, words] of settings[name].states?.(of, counts) ?? []) {
      const begun = before.find(([other]) => other === label);
      if (begun) begun[1] += `, ${words}`;
      else rows.push([label, words]);
    }
  }
  return rows;
}
