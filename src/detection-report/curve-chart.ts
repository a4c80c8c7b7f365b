// Draws precision against recall as SVG. Colours are classes of the page's style, so that they fit light and dark.

import { recallPoints } from '../coco/coco-settings.ts';
import { htmlText } from '../html-parts.ts';
import type { Curve } from './detection-findings.ts';

interface ChartSize {
  width: number;
  height: number;
  /** Room for the axes' numbers. */
  margin: number;
}

/** Draws curves with axes and a legend. */
export function curveChart(curves: readonly Curve[]): string {
  const size = { width: 560, height: 360, margin: 44 };
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const grid = ticks.flatMap((tick) => [
    line(size, [0, tick], [1, tick], 'grid'),
    text(size, [0, tick], { dx: -8, dy: 4, anchor: 'end' }, `${100 * tick}%`),
    text(size, [tick, 0], { dx: 0, dy: 18, anchor: 'middle' }, `${100 * tick}%`),
  ]);
  const legend = curves.map(({ label }, place) => {
    const y = size.height + 18 * place;
    return `<rect x="${size.margin}" y="${y + 6}" width="14" height="4" class="curve${place} fill"/><text x="${size.margin + 22}" y="${y + 12}">${htmlText(label)}</text>`;
  });
  return svg(
    size,
    [
      ...grid,
      ...curves.map(({ precisions }, place) => polyline(size, precisions, `curve${place}`)),
      text(size, [0.5, 0], { dx: 0, dy: 36, anchor: 'middle' }, 'recall →'),
      text(size, [0, 1], { dx: -36, dy: -12, anchor: 'start' }, '↑ precision'),
      ...legend,
    ],
    size.height + 18 * curves.length,
    'Precision against recall',
  );
}

/** Draws one class's curves small, without numbers. */
export function smallCurveChart(curves: readonly Curve[], title: string): string {
  const size = { width: 132, height: 92, margin: 4 };
  const frame = `<rect x="4" y="4" width="124" height="84" class="frame"/>`;
  return svg(
    size,
    [frame, ...curves.map(({ precisions }, place) => polyline(size, precisions, `curve${place}`))],
    size.height,
    title,
  );
}

const svg = ({ width }: ChartSize, parts: readonly string[], height: number, title: string): string =>
  `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${htmlText(title)}">${parts.join('')}</svg>`;

/** Returns pixels of a recall and a precision. */
const place = ({ width, height, margin }: ChartSize, [recall, precision]: readonly [number, number]) =>
  [margin + recall * (width - 2 * margin), height - margin - precision * (height - 2 * margin)] as const;

const decimals = (value: number): string => String(Number(value.toFixed(1)));

function polyline(size: ChartSize, precisions: readonly number[], name: string): string {
  const points = precisions.map((precision, point) =>
    place(size, [recallPoints[point]!, precision]).map(decimals).join(','),
  );
  return `<polyline points="${points.join(' ')}" class="curve ${name}"/>`;
}

function line(size: ChartSize, from: readonly [number, number], to: readonly [number, number], name: string): string {
  const [[x1, y1], [x2, y2]] = [place(size, from), place(size, to)];
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${name}"/>`;
}

function text(
  size: ChartSize,
  at: readonly [number, number],
  { dx, dy, anchor }: { dx: number; dy: number; anchor: string },
  words: string,
): string {
  const [x, y] = place(size, at);
  return `<text x="${x + dx}" y="${y + dy}" text-anchor="${anchor}">${words}</text>`;
}
