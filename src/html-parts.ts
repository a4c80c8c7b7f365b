// The parts that our pages are made of, as HTML text. Every text is escaped here.

/** A whole document; the body is HTML. @param options.head further lines of its head */
export function htmlDocument(
  title: string,
  { style, body, head = [] }: { style: string; body: string; head?: string[] },
) {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    ...head,
    `<title>${htmlText(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    body,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** The caption is also the name of the picture for those who do not see it. */
export function figure(svg: string, caption = ''): string {
  const named = caption === '' ? svg : svg.replace('<svg ', `<svg role="img" aria-label="${htmlText(caption)}" `);
  return `<figure>${named}${caption && `<figcaption>${htmlText(caption)}</figcaption>`}</figure>`;
}

export function section(title: string, body: string): string {
  return `<section><h2>${htmlText(title)}</h2>\n${body}\n</section>`;
}

export function table(rows: readonly (readonly string[])[]): string {
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${htmlText(cell)}</td>`).join('')}</tr>`).join('\n');
  return `<table><tbody>${body}</tbody></table>`;
}

/** A table whose columns have names. */
export function headedTable(head: readonly string[], rows: readonly (readonly string[])[], caption: string): string {
  const titles = head.map((cell) => `<th scope="col">${htmlText(cell)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${htmlText(cell)}</td>`).join('')}</tr>`).join('\n');
  return `<table><caption>${htmlText(caption)}</caption><thead><tr>${titles}</tr></thead><tbody>${body}</tbody></table>`;
}

export function htmlText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
