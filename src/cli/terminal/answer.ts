// Prints the output of a command on stdout: text, or one JSON document. Names of files and classes cannot control the
// terminal.

import { visible } from '../../visible.ts';

/** Prints one or several lines. Names that may contain new lines must be escaped by the caller. */
export function printWords(text: string): void {
  process.stdout.write(text.split('\n').map(visible).join('\n'));
}

/** Prints a document; characters that control a terminal are written as JSON escapes. */
export function printDocument(document: unknown): void {
  process.stdout.write(`${documentText(document)}\n`);
}

const documentText = (document: unknown): string =>
  JSON.stringify(document, null, 2).replace(
    /[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
