// --enlarge: replaces the test view of a model file. Files of nasnet 0.1.0 have none, although their networks were
// trained on enlarged images.

import { InputError } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import { shellPath } from '../../shell-path.ts';
import { programName } from '../terminal/program-name.ts';
import { positiveNumber } from './parsers.ts';

export const enlargeHelp =
  'enlarge images by this factor and use their centre (default: that of the model file, as in its training)';

/** Parses the factor. @throws InputError if it is not from 1 to 4 */
export function enlargement(text: string): number {
  const factor = positiveNumber('--enlarge')(text);
  if (factor >= 1 && factor <= 4) return factor;
  throw new InputError(`--enlarge: expected a factor from 1 to 4, such as 1.25, got ${text}`);
}

/** Returns the description with another enlargement, if there is one. */
export function shownEnlarged(description: ModelDescription, enlarge: number | undefined): ModelDescription {
  if (enlarge === undefined) return description;
  const { enlarge: _, ...preprocessing } = description.preprocessing;
  return { ...description, preprocessing: enlarge === 1 ? preprocessing : { ...preprocessing, enlarge } };
}

/**
 * Returns a warning if a network is tested at another scale than it was trained at; undefined if not, or if the scale
 * is unknown.
 */
export function scaleWarning(path: string, { preprocessing, trainedEnlarge }: ModelDescription): string | undefined {
  const { enlarge = 1 } = preprocessing;
  if (trainedEnlarge === undefined || trainedEnlarge === enlarge) return undefined;
  return (
    `${path}: trained on images enlarged by ${trainedEnlarge}, tested on images enlarged by ${enlarge}, which costs accuracy ` +
    `(up to eleven points at 16 pixels). --enlarge ${trainedEnlarge} tests it as it was trained; ` +
    `${programName} export ${shellPath(path)} --enlarge ${trainedEnlarge} -o NEW.safetensors writes a file with this factor`
  );
}
