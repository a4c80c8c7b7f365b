// Draws an architecture: both cells side by side with a legend, as one self-contained SVG.

import type { Architecture } from '../space/architecture.ts';
import { describeCell } from '../space/print.ts';
import { type BoxKind, cellGraph } from './cell-graph.ts';
import { type Box, type CellLayout, layoutCell, type Route } from './layout.ts';
import { fontFamily, ink, sizes, styles, textWidth } from './palette.ts';

export interface PictureOptions {
  /** The title above the cells, which a screen reader reads first. Default 'Architecture'. */
  readonly title?: string;
}

const heading = { title: 18, cell: 14 } as const; // font sizes in pixels

/** Returns the SVG text of the normal and the reduction cell. */
export function drawArchitecture(architecture: Architecture, { title = 'Architecture' }: PictureOptions = {}): string {
  const cells = [
    { name: 'Normal cell', cell: architecture.normal },
    { name: 'Reduction cell', cell: architecture.reduction },
  ].map(({ name, cell }) => ({ name, cell, drawing: layoutCell(cellGraph(cell, architecture.operations)) }));
  const { margin } = sizes;
  const gap = 2 * margin;
  const top = margin + heading.title + margin;
  const tallest = Math.max(...cells.map(({ drawing }) => drawing.height));
  const panels: string[] = [];
  let x = margin;
  for (const { name, drawing } of cells) {
    const width = Math.max(drawing.width, textWidth(name, heading.cell, 'bold'));
    // The inputs of both cells stand at the same height, the names below them.
    panels.push(panel(drawing, x + (width - drawing.width) / 2, top + tallest - drawing.height));
    panels.push(text(name, x + width / 2, top + tallest + margin, { size: heading.cell, weight: 600 }));
    x += width + gap;
  }
  const width = Math.max(x - gap + margin, textWidth(title, heading.title, 'bold') + 2 * margin);
  const kinds = (Object.keys(styles) as BoxKind[]).filter((kind) =>
    cells.some(({ drawing }) => drawing.boxes.some((box) => box.kind === kind)),
  );
  const legend = legendOf(kinds, width, top + tallest + 2 * margin + heading.cell);
  const description = cells.map(({ name, cell }) => `${name}: ${describeCell(cell).join('; ')}.`).join(' ');
  const size = `width="${round(width)}" height="${round(legend.bottom + margin)}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${round(width)} ${round(legend.bottom + margin)}"`,
    ` role="img" aria-label="${escapeXml(title)}" font-family="${fontFamily}">`,
    `<title>${escapeXml(title)}</title><desc>${escapeXml(description)}</desc>`,
    `<rect width="100%" height="100%" fill="${ink.paper}"/>`,
    text(title, width / 2, margin + heading.title / 2, { size: heading.title, weight: 700 }),
    ...panels,
    legend.svg,
    '</svg>\n',
  ].join('\n');
}

function panel({ boxes, routes }: CellLayout, x: number, y: number): string {
  return [`<g transform="translate(${round(x)} ${round(y)})">`, ...routes.map(edge), ...boxes.map(box), '</g>'].join(
    '\n',
  );
}

const opacity = (live: boolean) => (live ? '' : ' opacity="0.35"');

function box({ kind, label, meaning, live, x, y, width, height }: Box): string {
  const { fill, stroke, radius } = styles[kind];
  const place = `x="${round(x - width / 2)}" y="${round(y - height / 2)}" width="${round(width)}" height="${round(height)}"`;
  return [
    `<g class="box"${opacity(live)}><title>${escapeXml(meaning)}</title>`,
    `<rect ${place} rx="${radius}" fill="${fill}" stroke="${stroke}" stroke-width="1.2"/>`,
    text(label, x, y, { size: sizes.font, weight: kind === 'hidden' || kind === 'output' ? 600 : 400 }),
    '</g>',
  ].join('');
}

/** Draws a straight line through each rank, an S-curve between ranks, and an arrowhead at the target. */
function edge({ points, live }: Route): string {
  const [start, ...rest] = points;
  let path = `M${point(start!)}`;
  let [fromX, fromY] = start!;
  for (const [x, y] of rest) {
    const middle = (fromY + y) / 2;
    path += x === fromX ? `V${round(y)}` : `C${point([fromX, middle])} ${point([x, middle])} ${point([x, y])}`;
    [fromX, fromY] = [x, y];
  }
  const head = `M${point([fromX - 3.5, fromY + 6])}L${point([fromX, fromY])}L${point([fromX + 3.5, fromY + 6])}`;
  return `<path class="edge" d="${path}${head}" fill="none" stroke="${ink.edge}" stroke-width="1.2"${opacity(live)}/>`;
}

function legendOf(kinds: readonly BoxKind[], width: number, top: number): { svg: string; bottom: number } {
  const { margin, font } = sizes;
  const size = font - 1;
  const swatch = 16;
  const line = 24;
  const parts: string[] = [];
  let [x, y] = [margin, top + line / 2];
  for (const kind of kinds) {
    const { fill, stroke, legend, radius } = styles[kind];
    const needed = swatch + 7 + textWidth(legend, size) + 14;
    if (x > margin && x + needed > width - margin + 14) [x, y] = [margin, y + line];
    parts.push(
      `<rect x="${round(x)}" y="${round(y - 7)}" width="${swatch}" height="14" rx="${Math.min(radius, 7)}" fill="${fill}" stroke="${stroke}"/>`,
      text(legend, x + swatch + 7, y, { size, anchor: 'start', color: ink.quiet }),
    );
    x += needed;
  }
  return { svg: `<g class="legend">\n${parts.join('\n')}\n</g>`, bottom: y + line / 2 };
}

interface TextStyle {
  size: number;
  weight?: number;
  anchor?: 'middle' | 'start';
  color?: string;
}

/** Draws a text vertically centred on y. `_` makes what follows up to the next space a subscript: h_i+1. */
function text(
  content: string,
  x: number,
  y: number,
  { size, weight = 400, anchor = 'middle', color = ink.text }: TextStyle,
) {
  const inner = escapeXml(content).replace(
    /(\w)_(\S+)/g,
    (_, name: string, index: string) =>
      `<tspan font-style="italic">${name}</tspan><tspan font-style="italic" dy="${round(size * 0.25)}" font-size="${round(size * 0.75)}">${index}</tspan>`,
  );
  const place = `x="${round(x)}" y="${round(y + size * 0.36)}"`;
  return `<text ${place} text-anchor="${anchor}" font-size="${size}" font-weight="${weight}" fill="${color}">${inner}</text>`;
}

const round = (value: number) => Number(value.toFixed(2));
const point = ([x, y]: readonly [number, number]) => `${round(x)} ${round(y)}`;

function escapeXml(content: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return content.replace(/[&<>"]/g, (sign) => entities[sign]!);
}
