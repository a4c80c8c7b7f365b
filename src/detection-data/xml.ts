// Reads small XML files, as Pascal VOC has them: elements and their text, with the line of each. Attributes are
// skipped; entities other than the five of XML and characters by number are refused, since no file of boxes needs them.

/** An element with its text, entities resolved, and its children in order. */
export interface XmlElement {
  name: string;
  /** All text directly within it, trimmed. */
  text: string;
  children: XmlElement[];
  line: number;
}

/** Deeper files are no annotations. */
const mostDepth = 50;

/**
 * Returns the outermost element.
 * @throws Error with the line: "line 12: expected </object>, got </objct>"
 */
export function parseXml(source: string): XmlElement {
  const text = source.replace(/^\ufeff/, '');
  const top: XmlElement = { name: '', text: '', children: [], line: 1 };
  const open = [top];
  let line = 1;
  for (const [token] of text.matchAll(tokens)) {
    const element = open.at(-1)!;
    const at = line;
    for (let end = token.indexOf('\n'); end !== -1; end = token.indexOf('\n', end + 1)) line++;
    const refuse = (expected: string): never => {
      throw new Error(`line ${at}: expected ${expected}, got ${JSON.stringify(token.trim().slice(0, 40))}`);
    };
    if (token.startsWith('<![CDATA[')) element.text += token.slice(9, -3);
    else if (/^<(?:!--|\?|!DOCTYPE)/i.test(token)) continue;
    else if (token.startsWith('</')) {
      const name = token.slice(2, -1).trim();
      if (open.length === 1 || name !== element.name) refuse(open.length === 1 ? 'an element' : `</${element.name}>`);
      element.text = element.text.trim();
      open.pop();
    } else if (token.startsWith('<')) {
      const [, name = refuse('an element'), empty] = startTag.exec(token) ?? [];
      if (open.length === 1 && top.children.length > 0) refuse('an end of the file');
      if (open.length > mostDepth) refuse(`at most ${mostDepth} elements within one another`);
      const child: XmlElement = { name, text: '', children: [], line: at };
      element.children.push(child);
      if (!empty) open.push(child);
    } else if (open.length > 1) element.text += resolved(token, refuse);
    else if (token.trim() !== '') refuse('an element');
  }
  if (open.length > 1) throw new Error(`line ${line}: expected </${open.at(-1)!.name}>, got the end of the file`);
  if (top.children.length === 0) throw new Error(`line ${line}: expected an element, got the end of the file`);
  return top.children[0]!;
}

/** Comments, CDATA, declarations and tags, or the text between them; a lone < is an error of its own. */
const tokens =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<!DOCTYPE[^[>]*(?:\[[\s\S]*?\])?[^>]*>|<(?:[^<>"']|"[^"]*"|'[^']*')*>|[^<]+|</gi;
const startTag = /^<([\p{L}_:][\p{L}\p{N}_:.-]*)(?:\s(?:[^"']|"[^"]*"|'[^']*')*?)?\s*(\/)?>$/u;

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function resolved(text: string, refuse: (expected: string) => never): string {
  return text.replace(/&([^;\s]{0,10});?/g, (whole, name: string) => {
    const [, hexadecimal, decimal] = /^#(?:x([\da-f]+)|(\d+))$/i.exec(name) ?? [];
    const code = hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    if (code <= 0x10ffff && whole.endsWith(';')) return String.fromCodePoint(code);
    return (whole.endsWith(';') ? named[name] : undefined) ?? refuse('&amp; for &');
  });
}

/** Returns the first child of a name; names of VOC files are compared without case. */
export const childOf = ({ children }: XmlElement, name: string): XmlElement | undefined =>
  children.find((child) => child.name.toLowerCase() === name);

/** Returns all children of a name. */
export const childrenOf = ({ children }: XmlElement, name: string): XmlElement[] =>
  children.filter((child) => child.name.toLowerCase() === name);

/** Returns the text as it is written in XML. */
export const xmlText = (text: string): string =>
  text.replace(/[&<>"']/g, (each) => `&${Object.keys(named).find((name) => named[name] === each)};`);
