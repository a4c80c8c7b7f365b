// What one setting of a search is on the command line: its flag, what it asks of a new search, what a study says of it. The settings
// themselves are the table in search-settings.ts.

import type { ImageCounts } from '../../forecast/prediction.ts';
import type { AskedLimits } from '../../forecast/stated-limits.ts';
import type { SpaceName } from '../../space/search-space.ts';
import type { Wanted } from '../../study/presets.ts';
import type { RungChange } from '../../study/rung-text.ts';
import type { SearchSettings } from '../../study/settings.ts';

/** What a flag asks for: fields of the settings, or what the preset makes of them (settingsOf). Limits are put together from several. */
export type Asked = Omit<Partial<Wanted>, 'limits'> & { limits?: Partial<AskedLimits> };

/** Other flags that a setting depends on. */
export interface OtherFlags {
  dataset?: string;
  space: SpaceName;
  blocks?: number;
  rungs?: RungChange[];
}

export interface AskContext {
  flags: OtherFlags;
  /** Is told what happens to the user's own files. */
  note(line: string): void;
}

export interface Setting<Value> {
  /** What stands behind the flag in the help: '<n>'. Absent: the flag is there or not. */
  takes?: string;
  help: string;
  /** Of the flag's text, made for the flag's name; absent: the text itself, or true. */
  parse?(flag: string): (text: string) => Value;
  choices?: readonly string[];
  default?: Value;
  /** Whether it says something about children's training and images, of which a search by others' rewards has none. */
  ofTraining?: true;
  /** What a new search must have for the flag to make sense, and the flag that asks for it. */
  needs?: { flag: string; met(settings: SearchSettings): boolean };
  /** @throws InputError beside flags with which it makes no sense */
  asks?(value: Value, context: AskContext): Asked | Promise<Asked>;
  /** What a study was started with, as the flag would give it; undefined: none. Absent: a study may go on with another value. */
  stored?(settings: SearchSettings): unknown;
  /** The flag's value in the form of `stored`, where it has another. */
  compared?(value: Value, settings: SearchSettings): unknown;
  /** What was expected and what came, where the values themselves would not be understood. */
  difference?(stored: unknown): { expected: string; got: string };
  /** Rows of the statement of a search. Words for a row that an earlier setting began are added to it. */
  states?(settings: SearchSettings, counts: ImageCounts): [row: string, words: string][];
}

/** A setting that has a value without its flag; else the preset's, or none, is taken. */
export type WithDefault<Value> = Setting<Value> & { default: Value };

export const optional = <Value>(setting: Setting<Value>): Setting<Value> => setting;
export const withDefault = <Value>(setting: WithDefault<Value>): WithDefault<Value> => setting;
