// A heat map: rows of choices, columns of time. The colour is a share from 0 to 1.

import { useId, useState } from 'preact/hooks';
import { colour, css, heat } from './axis.ts';
import { chartFont, useDrawing, useTheme, useWidth } from './canvas.ts';

export interface HeatRow {
  label: string;
  /** Where a new group begins: its heading. */
  group?: string;
  /** A share of each column; NaN: none. */
  values: ArrayLike<number>;
}

interface Props {
  rows: HeatRow[];
  columns: number;
  /** What a column is: "update 12". */
  column: (index: number) => string;
  summary: string;
  /** The share that is the brightest colour. Default 1. */
  most?: number;
}

const rowHeight = 17;
const groupHeight = 24;
const labelWidth = 122;
const bottom = 26;

export function HeatMap({ rows, columns, column, summary, most = 1 }: Props) {
  const [attach, width] = useWidth<HTMLDivElement>();
  useTheme();
  const [cell, setCell] = useState<{ row: number; column: number } | undefined>(undefined);
  const id = useId();
  const tops: number[] = [];
  let height = 4;
  for (const { group } of rows) {
    if (group !== undefined) height += groupHeight;
    tops.push(height);
    height += rowHeight;
  }
  height += bottom;
  const inner = Math.max(10, width - labelWidth - 8);
  const canvas = useDrawing({ width, height }, (context) => {
    context.font = chartFont();
    context.textBaseline = 'middle';
    rows.forEach(({ label, group, values }, index) => {
      const top = tops[index]!;
      if (group !== undefined) {
        context.font = `600 ${chartFont()}`;
        context.fillStyle = css(colour('--ink'));
        context.textAlign = 'left';
        context.fillText(group, 0, top - groupHeight / 2 + 2);
        context.font = chartFont();
      }
      context.fillStyle = css(colour('--quiet'));
      context.textAlign = 'right';
      context.fillText(label, labelWidth - 8, top + rowHeight / 2);
      paintRow(context, values, { top, inner, columns, most });
    });
    context.fillStyle = css(colour('--quiet'));
    context.textAlign = 'left';
    if (columns > 0) context.fillText(column(0), labelWidth, height - bottom / 2);
    context.textAlign = 'right';
    if (columns > 1) context.fillText(column(columns - 1), labelWidth + inner, height - bottom / 2);
    if (cell) {
      context.strokeStyle = css(colour('--ink'));
      context.lineWidth = 1.5;
      const each = inner / columns;
      context.strokeRect(labelWidth + cell.column * each, tops[cell.row]!, Math.max(3, each), rowHeight - 1);
    }
  });
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - labelWidth, event.clientY - box.top];
    const row = tops.findIndex((top) => y >= top && y < top + rowHeight);
    const at = Math.floor((x / inner) * columns);
    setCell(row < 0 || at < 0 || at >= columns ? undefined : { row, column: at });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    if (!step || rows.length === 0 || columns === 0) return;
    event.preventDefault();
    const from = cell ?? { row: 0, column: columns - 1 };
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value));
    setCell({ row: clamp(from.row + step[0], rows.length - 1), column: clamp(from.column + step[1], columns - 1) });
  };
  const told =
    cell &&
    `${groupOf(rows, cell.row)}${rows[cell.row]!.label}: ${share(rows[cell.row]!.values[cell.column]!)} at ${column(cell.column)}`;
  return (
    <div class="heat" ref={attach}>
      <div
        class="surface"
        style={{ height: `${height}px` }}
        role="application"
        aria-roledescription="heat map"
        tabIndex={0}
        aria-label={summary}
        aria-describedby={id}
        onPointerMove={move}
        onPointerLeave={() => setCell(undefined)}
        onKeyDown={onKeyDown}
      >
        <canvas ref={canvas} />
      </div>
      <p class="told" id={id} aria-live="polite">
        {told ?? 'Point at a square, or walk with the arrow keys.'}
      </p>
    </div>
  );
}

/** Draws as many columns as there are pixels; where there are more columns, their mean. */
function paintRow(
  context: CanvasRenderingContext2D,
  values: ArrayLike<number>,
  { top, inner, columns, most }: { top: number; inner: number; columns: number; most: number },
): void {
  const drawn = Math.min(columns, Math.floor(inner));
  for (let index = 0; index < drawn; index++) {
    const [from, to] = [Math.floor((index * columns) / drawn), Math.floor(((index + 1) * columns) / drawn)];
    let sum = 0;
    let count = 0;
    for (let at = from; at < to; at++)
      if (!Number.isNaN(values[at]!)) {
        sum += values[at]!;
        count++;
      }
    if (count === 0) continue;
    context.fillStyle = css(heat(sum / count / most));
    const [left, right] = [Math.round((index * inner) / drawn), Math.round(((index + 1) * inner) / drawn)];
    context.fillRect(labelWidth + left, top, right - left, rowHeight - 1);
  }
}

function groupOf(rows: readonly HeatRow[], row: number): string {
  for (let index = row; index >= 0; index--) if (rows[index]!.group !== undefined) return `${rows[index]!.group}, `;
  return '';
}

const share = (value: number) => (Number.isNaN(value) ? 'nothing' : `${(100 * value).toFixed(1)}%`);

/** What the colours mean. */
export function HeatScale({ most = 1 }: { most?: number }) {
  const stops = Array.from({ length: 9 }, (_, index) => `${css(heat(index / 8))} ${(100 * index) / 8}%`).join(', ');
  return (
    <div class="heat-scale">
      <span>0%</span>
      <span class="heat-bar" style={{ background: `linear-gradient(90deg, ${stops})` }} />
      <span>{Math.round(100 * most)}%</span>
    </div>
  );
}
