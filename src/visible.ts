// Text of foreign files (names of files, classes and tensors, a decoder's reason) as one may print it: what would steer a terminal,
// begin a new line or turn the reading direction is written out. Like failure.ts for every folder.

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Controls (C0, C1, delete), separators of lines, marks of reading direction, invisible joiners, halves of characters. */
const steering =
  /[\p{Cc}\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** The text on one line: an escape as \x1b, a new line as \n. Text without such characters is returned as it is. */
export function visible(text: string): string {
  return text.replace(steering, (each) => short[each] ?? written(each.charCodeAt(0)));
}

const written = (code: number): string =>
  code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
