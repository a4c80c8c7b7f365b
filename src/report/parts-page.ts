// A page of parts: a heading, sentences, links to the parts, the parts. One self-contained HTML file without scripts,
// which follows the reader's light or dark scheme, can be read with the keyboard alone, and prints.

import { htmlDocument, htmlText } from '../html-parts.ts';

export interface PagePart {
  id: string;
  title: string;
  /** HTML. */
  body: string;
}

export interface PartsPage {
  title: string;
  sentences: readonly string[];
  /** At least one. */
  parts: readonly PagePart[];
}

/** Returns the HTML text of the page. */
export function partsPage({ title, sentences, parts }: PartsPage): string {
  const body = `<a class="skip" href="#${parts[0]!.id}">To the ${htmlText(parts[0]!.title.toLowerCase())}</a>
<header>
<h1>${htmlText(title)}</h1>
${sentences.map((sentence) => `<p class="lead">${htmlText(sentence)}</p>`).join('\n')}
<nav aria-label="Parts of this page"><ul>${parts.map(({ id, title: name }) => `<li><a href="#${id}">${htmlText(name)}</a></li>`).join('')}</ul></nav>
</header>
<main>
${parts.map(partHtml).join('\n')}
</main>`;
  return htmlDocument(title, { style, body });
}

/** A part scrolls sideways where it is too wide, so it can have the keyboard's focus. */
const partHtml = ({ id, title, body }: PagePart): string =>
  `<section id="${id}" tabindex="0" aria-labelledby="${id}-title"><h2 id="${id}-title">${htmlText(title)}</h2>\n${body}\n</section>`;

const style = `
:root { color-scheme: light dark; --ink: #1e293b; --quiet: #5b6778; --line: #dbe2ea; --page: #f8fafc; --card: #fff; --link: #1d4ed8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e2e8f0; --quiet: #9aa8ba; --line: #334155; --page: #0f172a; --card: #172033; --link: #93c5fd; }
  figure svg text[fill="#1d4ed8"], figure svg circle[fill="#1d4ed8"] { fill: #93c5fd; } figure svg path[stroke="#1d4ed8"] { stroke: #93c5fd; }
  figure svg text[fill="#c2410c"], figure svg circle[fill="#c2410c"] { fill: #fdba74; } figure svg path[stroke="#c2410c"] { stroke: #fdba74; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
header, main { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; } header { padding-top: 2rem; } main { padding-bottom: 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 1rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
.lead { font-size: 1.08rem; margin: .4rem 0; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem; }
a { color: var(--link); } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1rem 0 0; padding: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.25rem; margin-top: 1.25rem; overflow-x: auto; }
figure { margin: .5rem 0 1rem; } figcaption, caption { color: var(--quiet); font-size: .9rem; text-align: left; } caption { padding-bottom: .4rem; }
figure svg { max-width: 100%; height: auto; color: var(--ink); background: none; }
table { border-collapse: collapse; font-size: .95rem; margin: 1rem 0; } td, th { text-align: left; vertical-align: top; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--line); }
td:first-child { overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; --ink: #000; --quiet: #444; --line: #bbb; --page: #fff; --card: #fff; }
  nav, .skip { display: none; } section { border: 0; padding: 0; overflow: visible; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
`;
