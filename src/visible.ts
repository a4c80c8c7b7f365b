// Escapes text of foreign files (names of files, classes and tensors, a decoder's message) for output: characters that
// control a terminal, start a new line or change the reading direction.

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Control characters (C0, C1, delete), line separators, direction marks, invisible joiners, lone surrogates. */
const unsafe =
  /[\p{Cc}\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** Returns the text on one line: an escape as \x1b, a new line as \n. Other characters stay unchanged. */
export function visible(text: string): string {
  return text.replace(unsafe, (each) => short[each] ?? escaped(each.charCodeAt(0)));
}

const escaped = (code: number): string =>
  code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
