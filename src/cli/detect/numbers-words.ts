// COCO's twelve numbers as text.

import { numberNames, type TwelveNumbers } from '../../coco/twelve-numbers.ts';
import { percent } from '../../words.ts';

/** "AP 43.1%"; "–" where no object counts. */
export const numbersWords = (numbers: TwelveNumbers): string =>
  numberNames.map((name) => `  ${name.padEnd(6)} ${numbers[name] < 0 ? '–' : percent(numbers[name])}\n`).join('');
