// Parses the JSON of a foreign file's header. Duplicate names, of which JSON.parse silently keeps the last, and deep
// nesting are refused before it is parsed.

/**
 * Maximum nesting depth. A safetensors header has three levels (document, tensor, shape); other programs may add some.
 */
const maxDepth = 8;

/** Its message is one clause, such as 'the name "a" twice'. */
export class HeaderError extends Error {}

/** Parses a header. @throws HeaderError for duplicate names or deep nesting, SyntaxError for invalid JSON */
export function parseHeader(text: string): unknown {
  /** The names in each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names && /^\s*:/.test(text.slice(end + 1, end + 32))) enter(names, JSON.parse(text.slice(at, end + 1)));
      at = end;
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > maxDepth) throw new HeaderError(`a header nested more than ${maxDepth} deep`);
    } else if (character === '}' || character === ']') open.pop();
  }
  return JSON.parse(text);
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  throw new SyntaxError('unterminated string');
}

function enter(names: Set<string>, name: string): void {
  if (names.has(name)) throw new HeaderError(`the name ${JSON.stringify(name).slice(0, 80)} twice`);
  names.add(name);
}
