// The type of a setting of a search on the command line. search-settings.ts has the table of settings.

import type { ImageCounts } from '../../forecast/prediction.ts';
import type { RequestedLimits } from '../../forecast/stated-limits.ts';
import type { SpaceName } from '../../space/search-space.ts';
import type { SearchRequest } from '../../study/presets.ts';
import type { RungChange } from '../../study/rung-text.ts';
import type { SearchSettings } from '../../study/settings.ts';

/**
 * The request of a flag: fields of the settings, or values from which settingsOf derives them. Several flags are
 * combined into limits, named recipes and the changes of the final network's recipe.
 */
export type SettingRequest = Omit<Partial<SearchRequest>, 'limits'> & { limits?: Partial<RequestedLimits> };

/** The flags on which other settings depend. */
export interface OtherFlags {
  dataset?: string;
  space: SpaceName;
  blocks?: number;
  trials?: number;
  minutes?: number;
  hours?: number;
  rungs?: RungChange[];
}

export interface AskContext {
  flags: OtherFlags;
  /** Called with remarks on the user's files. */
  note(line: string): void;
}

export interface Setting<Value> {
  /** The flag's argument in the help: '<n>'. Absent: a boolean flag. */
  takes?: string;
  help: string;
  /** Help of the flag with `no-` before its name, which gives it the value `false`. */
  without?: string;
  /** Returns a parser of the flag's text; absent: the text itself, or true. */
  parse?(flag: string): (text: string) => Value;
  choices?: readonly string[];
  default?: Value;
  /** Whether it is about children's training or images, which a search with an external evaluator does not have. */
  ofTraining?: true;
  /** The condition on the settings of a new search for this flag, and the flag that meets it. */
  needs?: { flag: string; met(settings: SearchSettings): boolean };
  /** Returns the request of a value. @throws InputError if it contradicts other flags */
  asks?(value: Value, context: AskContext): SettingRequest | Promise<SettingRequest>;
  /**
   * Returns the value of a study in the flag's form; undefined: none. Absent: a study may be resumed with another
   * value.
   */
  stored?(settings: SearchSettings): unknown;
  /** Writes the form of `stored` as a user types it. Default: as text. */
  typed?(stored: unknown): string;
  /** Converts the flag's value to the form of `stored`, if it differs. */
  compared?(value: Value, settings: SearchSettings): unknown;
  /** Describes the expected and actual value, if the values themselves are not readable. */
  difference?(stored: unknown): { expected: string; got: string };
  /** Returns rows for the printed settings. Words for an existing row are appended to it. */
  states?(settings: SearchSettings, counts: ImageCounts): [row: string, words: string][];
}

/** A setting with a default; other settings have the preset's value or none. */
export type WithDefault<Value> = Setting<Value> & { default: Value };

export const optional = <Value>(setting: Setting<Value>): Setting<Value> => setting;
export const withDefault = <Value>(setting: WithDefault<Value>): WithDefault<Value> => setting;
