// Renders an evaluation of detections as one self-contained HTML page, for light and dark screens.

import type { Evaluation } from '../coco/coco-evaluation.ts';
import { numberNames } from '../coco/twelve-numbers.ts';
import { f1 } from '../coco/working-point.ts';
import { htmlDocument, htmlText, section } from '../html-parts.ts';
import { percent, whole } from '../words.ts';
import { curveChart, smallCurveChart } from './curve-chart.ts';
import { type ClassFinding, classCurve, type DetectionFindings } from './detection-findings.ts';
import { type DrawnPicture, drawPicture } from './drawn-picture.ts';
import { numberMeanings, shareWords } from './number-words.ts';

export interface DetectionPage {
  title: string;
  /** How it was made: "nasnet detect evaluate …". */
  command: string;
  findings: DetectionFindings;
  evaluation: Evaluation;
  /** Sentences about faults of the files. */
  notes: readonly string[];
  worst: readonly DrawnPicture[];
}

/** Rows of the table of classes; more would make a page of many megabytes. */
const mostClasses = 2000;

export function renderDetectionPage({ title, command, findings, evaluation, notes, worst }: DetectionPage): string {
  const sections = [
    section("COCO's numbers", numbers(findings)),
    section('Precision and recall', curves(findings)),
    section('Classes', classes(findings, evaluation)),
    worst.length > 0 ? section('The pictures with most errors', pictures(worst)) : '',
    notes.length > 0 ? section('The files', notes.map((note) => `<p>${htmlText(note)}</p>`).join('\n')) : '',
    `<p class="quiet"><code>${htmlText(command)}</code></p>`,
  ];
  const body = `<main>
<h1>${htmlText(title)}</h1>
<p class="lead">${htmlText(lead(findings))}</p>
${sections.filter(Boolean).join('\n')}
</main>`;
  return htmlDocument(title, { style, body, head: ['<meta name="color-scheme" content="light dark">'] });
}

function lead({ pictures, objects, crowds, detections, numbers }: DetectionFindings): string {
  const crowd = crowds > 0 ? ` (and ${whole(crowds)} crowds, which count neither for nor against)` : '';
  return `${whole(detections)} detections on ${whole(pictures)} pictures with ${whole(objects)} objects${crowd}: AP ${shareWords(numbers.AP)}, AP50 ${shareWords(numbers.AP50)}.`;
}

function numbers({ numbers, workingPoint }: DetectionFindings): string {
  const rows = numberNames.map((name) => [name, shareWords(numbers[name]), numberMeanings[name]]);
  return `${table(['number', 'value', 'what it is'], rows)}<p>${htmlText(workingWords(workingPoint))}</p>`;
}

function workingWords(point: DetectionFindings['workingPoint']): string {
  const { score, right, wrong, missed } = point;
  if (right === 0) return 'No detection overlaps an object of its class by half.';
  return `Shown from a score of ${Number(score.toPrecision(4))} on, where F1 is largest (${percent(f1(point))}): ${whole(right)} detections are right, ${whole(wrong)} are wrong, ${whole(missed)} objects are missed (IoU 0.50).`;
}

const curves = ({ curves }: DetectionFindings): string =>
  curves.length === 0
    ? '<p>There is no object to find.</p>'
    : `<figure>${curveChart(curves)}<figcaption>Means over the classes that have objects, at COCO's 101 recalls.</figcaption></figure>`;

function classes({ classes }: DetectionFindings, evaluation: Evaluation): string {
  const order = [...classes.keys()].filter(
    (category) => classes[category]!.objects > 0 || classes[category]!.detections > 0,
  );
  order.sort((one, other) => classes[other]!.AP - classes[one]!.AP);
  const shown = order.slice(0, mostClasses);
  const rows = shown.map((category) => classRow(classes[category]!, category, evaluation));
  const more = order.length - shown.length;
  return `<table><thead><tr>${['class', 'objects', 'detections', 'AP', 'AP50', 'AP75', 'AR100', 'precision ↑ recall →'].map((head) => `<th>${head}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>${more > 0 ? `<p>And ${whole(more)} classes more, which are in the JSON.</p>` : ''}
<p class="quiet">The class with the largest AP first. Curves: IoU 0.50 and 0.75.</p>`;
}

function classRow(finding: ClassFinding, category: number, evaluation: Evaluation): string {
  const { name, objects, detections, AP, AP50, AP75, AR100 } = finding;
  const cells = [name, whole(objects), whole(detections), ...[AP, AP50, AP75, AR100].map(shareWords)];
  const chart =
    objects === 0
      ? ''
      : smallCurveChart(
          [0, 5].map((level) => ({ label: '', precisions: classCurve(evaluation, category, level) })),
          `Precision against recall of ${name}`,
        );
  return `<tr>${cells.map((cell) => `<td>${htmlText(cell)}</td>`).join('')}<td>${chart}</td></tr>`;
}

function pictures(worst: readonly DrawnPicture[]): string {
  const key =
    '<p><span class="key missed">missed objects</span> <span class="key wrong">wrong detections</span> <span class="key right">right detections</span></p>';
  const drawn = worst.map(
    (picture) => `<figure>${drawPicture(picture)}<figcaption>${htmlText(picture.title)}</figcaption></figure>`,
  );
  return `${key}<div class="pictures">${drawn.join('\n')}</div>`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${htmlText(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${row(heads, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('\n')}</tbody></table>`;
}

const style = `
:root { color-scheme: light dark; --paper: #f8fafc; --card: #fff; --ink: #1e293b; --quiet: #64748b; --line: #e2e8f0; --first: #1d4ed8; --second: #c2410c; --third: #15803d; --missed: #d97706; --wrong: #dc2626; --right: #16a34a; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f172a; --card: #1e293b; --ink: #e2e8f0; --quiet: #94a3b8; --line: #334155; --first: #60a5fa; --second: #fb923c; --third: #4ade80; --missed: #fbbf24; --wrong: #f87171; --right: #4ade80; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 1rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
.lead { font-size: 1.08rem; } .quiet, figcaption { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.25rem; margin-top: 1.25rem; overflow-x: auto; }
figure { margin: .5rem 0 1rem; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .95rem; } td, th { text-align: left; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
svg text { fill: var(--quiet); font: 12px system-ui, sans-serif; } .grid { stroke: var(--line); } .frame { fill: none; stroke: var(--line); }
.curve { fill: none; stroke-width: 2; } .curve0 { stroke: var(--first); } .curve1 { stroke: var(--second); } .curve2 { stroke: var(--third); }
.fill.curve0 { fill: var(--first); } .fill.curve1 { fill: var(--second); } .fill.curve2 { fill: var(--third); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; } .pictures svg { width: 100%; max-height: 36rem; display: block; }
.empty { fill: var(--line); } .box { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.box.missed { stroke: var(--missed); stroke-dasharray: 6 4; } .box.wrong { stroke: var(--wrong); } .box.right { stroke: var(--right); }
.pictures svg text { font-size: inherit; font-weight: 600; paint-order: stroke; stroke: #0009; stroke-width: 3px; } .pictures text.missed { fill: #fcd34d; } .pictures text.wrong { fill: #fca5a5; }
.key { padding-left: .6rem; margin-right: 1rem; border-left: .35rem solid; } .key.missed { border-color: var(--missed); } .key.wrong { border-color: var(--wrong); } .key.right { border-color: var(--right); }
code { overflow-wrap: anywhere; }
`;
