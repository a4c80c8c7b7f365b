// What a command answers, on stdout: words for people, or one JSON document for programs. Neither steers the terminal, whatever
// files and classes are called.

import { visible } from '../../visible.ts';

/** Text of one or several lines. A name that may hold a new line is made visible before it becomes part of one. */
export function printWords(text: string): void {
  process.stdout.write(text.split('\n').map(visible).join('\n'));
}

/** The document with what would steer a terminal written as JSON's own escapes: it reads back as the same. */
export function printDocument(document: unknown): void {
  process.stdout.write(`${documentText(document)}\n`);
}

const documentText = (document: unknown): string =>
  JSON.stringify(document, null, 2).replace(
    /[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
