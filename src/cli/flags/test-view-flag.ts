// --enlarge: another test view than the model file says. Files of nasnet 0.1.0 say none, though their networks were trained on images that
// look a quarter larger.

import { InputError } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import { programName } from '../terminal/program-name.ts';
import { shellPath } from '../terminal/shell-path.ts';
import { positiveNumber } from './parsers.ts';

export const enlargeHelp =
  'show images enlarged by this factor, and their centre (default: as the model file says, which is how it was trained)';

/** @throws InputError for what is no factor from 1 to 4 */
export function enlargement(text: string): number {
  const factor = positiveNumber('--enlarge')(text);
  if (factor >= 1 && factor <= 4) return factor;
  throw new InputError(`--enlarge: expected a factor from 1 to 4, such as 1.25, got ${text}`);
}

/** The description with another enlargement, if one is given. */
export function shownEnlarged(description: ModelDescription, enlarge: number | undefined): ModelDescription {
  if (enlarge === undefined) return description;
  const { enlarge: _, ...preprocessing } = description.preprocessing;
  return { ...description, preprocessing: enlarge === 1 ? preprocessing : { ...preprocessing, enlarge } };
}

/** What to do where a network is tested at another scale than it was trained at; undefined where it is not, or the scale is not known. */
export function scaleWarning(path: string, { preprocessing, trainedEnlarge }: ModelDescription): string | undefined {
  const { enlarge = 1 } = preprocessing;
  if (trainedEnlarge === undefined || trainedEnlarge === enlarge) return undefined;
  return (
    `${path}: trained on images enlarged by ${trainedEnlarge}, tested on images enlarged by ${enlarge}, which costs accuracy ` +
    `(up to eleven points at 16 pixels). --enlarge ${trainedEnlarge} tests it as it was trained; ` +
    `${programName} export ${shellPath(path)} --enlarge ${trainedEnlarge} -o NEW.safetensors writes a file that says so`
  );
}
