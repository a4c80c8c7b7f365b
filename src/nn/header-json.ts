// JSON of a header that a stranger may have written: before it is parsed it is known that no name comes twice, of which a parser
// keeps the last in silence, and that it is not nested deeper than a header is.

/** Of a safetensors header: the document, a tensor, its shape; and a few more for what others may add. */
const deepest = 8;

/** One clause, such as 'the name "a" twice'. */
export class HeaderError extends Error {}

/** @throws HeaderError for a name that comes twice or a deep nesting, SyntaxError for what is no JSON */
export function parseHeader(text: string): unknown {
  /** The names of each object that is open; undefined for an array. */
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
      if (open.length > deepest) throw new HeaderError(`a header nested more than ${deepest} deep`);
    } else if (character === '}' || character === ']') open.pop();
  }
  return JSON.parse(text);
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  throw new SyntaxError('a string without its end');
}

function enter(names: Set<string>, name: string): void {
  if (names.has(name)) throw new HeaderError(`the name ${JSON.stringify(name).slice(0, 80)} twice`);
  names.add(name);
}
