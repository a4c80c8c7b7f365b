// Sizes of pictures on the command line.

import { InputError } from '../../failure.ts';
import { within } from '../../largest.ts';

/** Parses `600` or `480x640`, height first. */
export function pictureSize(flag: string): (text: string) => readonly [height: number, width: number] {
  return (text) => {
    const [, height, width = height] = /^([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?$/.exec(text) ?? [];
    if (height === undefined)
      throw new InputError(`${flag}: expected pixels such as 600 or 480x640, got ${JSON.stringify(text)}`);
    return [within('pixels', Number(height), flag), within('pixels', Number(width), flag)];
  };
}
