// A chart of points and lines on a canvas: zoomed by dragging, buttons or keys, its points found by pointer and by
// arrow keys, its content also a sentence and a table.

import { useId, useMemo, useRef, useState } from 'preact/hooks';
import { TableDetails } from '../table-details.tsx';
import { colour, css, dashes, type Shape, ticks } from './axis.ts';
import { chartFont, useDrawing, useTheme, useWidth } from './canvas.ts';
import { paintLine, paintPoints, type Scales } from './paint.ts';
import { lowerBound, type Series } from './series.ts';

export interface PlotProps {
  series: Series[];
  xLabel: string;
  yLabel: string;
  formatX: (value: number) => string;
  formatY: (value: number) => string;
  /** What it shows in one sentence, for those who cannot see it. */
  summary: string;
  height?: number;
  /** Dragging zooms both axes, not only x. */
  both?: boolean;
  logX?: boolean;
  domainX?: [number, number];
  domainY?: [number, number];
  selected?: number | undefined;
  onPick?: (id: number) => void;
  /** What a point is, in the line below the chart. */
  describe?: (id: number) => string;
  /** Told the range of x that is shown; undefined: all. */
  onRange?: (range: [number, number] | undefined) => void;
  /** Lines between pairs of points: x, y, x, y. */
  links?: Float64Array;
  /** A second set of links, drawn strongly. */
  strongLinks?: Float64Array;
  legend?: boolean;
}

interface View {
  x: [number, number];
  y: [number, number] | undefined;
}

const margins = { left: 56, right: 14, top: 24, bottom: 40 };
const reach = 18; // pixels from the pointer within which a point is found
const mostTableRows = 200;
const millisecondsToCalm = 120;

export function Plot(props: PlotProps) {
  const { series, height = 320, summary, both, onRange } = props;
  const [attach, width] = useWidth<HTMLDivElement>();
  useTheme();
  const [view, setView] = useState<View | undefined>(undefined);
  const [hover, setHover] = useState<Found | undefined>(undefined);
  const [drag, setDrag] = useState<{ from: [number, number]; to: [number, number] } | undefined>(undefined);
  const surface = useRef<HTMLDivElement>(null);
  const id = useId();
  const whole = useMemo(() => wholeView(props), [series, props.domainX, props.domainY, props.logX]);
  const shown = { x: view?.x ?? whole.x, y: view?.y };
  const parts = series.map((one) => ({ ...one, range: rangeOf(one, shown.x) }));
  const yRange = shown.y ?? props.domainY ?? yOf(parts, shown.x, whole.y);
  const scales = scalesOf(width, height, shown.x, yRange, props.logX);
  const inverse = (pixel: number) => {
    const share = (pixel - scales.left) / scales.width;
    const [low, high] = shown.x;
    return props.logX ? low * (high / low) ** share : low + share * (high - low);
  };
  const inverseY = (pixel: number) => yRange[1] - ((pixel - scales.top) / scales.height) * (yRange[1] - yRange[0]);

  const calm = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const look = (next: View | undefined) => {
    setView(next);
    clearTimeout(calm.current);
    calm.current = setTimeout(() => onRange?.(next?.x), millisecondsToCalm); // not in every frame of a zoom
  };
  const zoom = (factor: number, around = (shown.x[0] + shown.x[1]) / 2) => {
    const [low, high] = shown.x;
    const next: [number, number] = [around - (around - low) * factor, around + (high - around) * factor];
    const kept: [number, number] = [Math.max(whole.x[0], next[0]), Math.min(whole.x[1], next[1])];
    if (kept[0] <= whole.x[0] && kept[1] >= whole.x[1]) look(undefined);
    else if (kept[1] > kept[0]) look({ x: kept, y: view?.y });
  };
  const pan = (share: number) => {
    if (!view) return;
    const by = Math.max(whole.x[0] - shown.x[0], Math.min(whole.x[1] - shown.x[1], share * (shown.x[1] - shown.x[0])));
    look({ x: [shown.x[0] + by, shown.x[1] + by], y: view.y });
  };

  const canvas = useDrawing({ width, height }, (context, scale) =>
    paint(context, scale, { ...props, series: parts }, scales, shown.x, yRange),
  );
  const overlay = useDrawing({ width, height }, (context) => {
    const found = hover ?? (props.selected === undefined ? undefined : findId(parts, props.selected));
    if (found) paintMark(context, found, scales);
    if (drag) paintDrag(context, drag, scales, both === true);
  });

  const place = (event: PointerEvent | WheelEvent): [number, number] => {
    const box = surface.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const onPointerMove = (event: PointerEvent) => {
    const at = place(event);
    if (drag) return setDrag({ ...drag, to: at });
    setHover(nearest(parts, scales, at));
  };
  const onPointerUp = (event: PointerEvent) => {
    if (!drag) return;
    setDrag(undefined);
    const [from, to] = [drag.from, place(event)];
    if (Math.abs(to[0] - from[0]) < 6 && Math.abs(to[1] - from[1]) < 6) {
      const found = nearest(parts, scales, to);
      if (found?.id !== undefined) props.onPick?.(found.id);
      return;
    }
    const [x0, x1] = [inverse(Math.min(from[0], to[0])), inverse(Math.max(from[0], to[0]))];
    if (x1 <= x0 || Math.abs(to[0] - from[0]) < 6) return;
    const y: [number, number] | undefined = both
      ? [inverseY(Math.max(from[1], to[1])), inverseY(Math.min(from[1], to[1]))]
      : undefined;
    look({ x: [Math.max(whole.x[0], x0), Math.min(whole.x[1], x1)], y });
  };
  const walk = (step: number) => {
    const next = neighbour(parts, hover ?? findId(parts, props.selected), step);
    if (!next) return;
    setHover(next);
    const x = next.x;
    if (view && (x < shown.x[0] || x > shown.x[1])) pan(x < shown.x[0] ? -0.5 : 0.5);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      ArrowRight: () => (event.shiftKey ? pan(0.25) : walk(1)),
      ArrowLeft: () => (event.shiftKey ? pan(-0.25) : walk(-1)),
      '+': () => zoom(0.6, hover?.x),
      '=': () => zoom(0.6, hover?.x),
      '-': () => zoom(1.6, hover?.x),
      '0': () => look(undefined),
      Escape: () => setHover(undefined),
      Enter: () => hover?.id !== undefined && props.onPick?.(hover.id),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const onWheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    zoom(Math.exp(event.deltaY / 300), inverse(place(event)[0]));
  };

  const empty = series.every(({ y }) => y.length === 0);
  const told = hover && describeFound(hover, props);
  return (
    <div class="plot" ref={attach}>
      {props.legend !== false && <Legend series={series} />}
      <div class="plot-tools" role="group" aria-label="Zoom">
        <button type="button" class="tool" title="Zoom in (+)" aria-label="Zoom in" onClick={() => zoom(0.5)}>
          +
        </button>
        <button type="button" class="tool" title="Zoom out (−)" aria-label="Zoom out" onClick={() => zoom(2)}>
          −
        </button>
        {view && (
          <button type="button" class="tool" title="Show all (0)" onClick={() => look(undefined)}>
            all
          </button>
        )}
      </div>
      <div
        ref={surface}
        class="surface"
        style={{ height: `${height}px` }}
        role="application"
        aria-roledescription="chart"
        tabIndex={0}
        aria-label={summary}
        aria-describedby={`${id}-told`}
        onPointerMove={onPointerMove}
        onPointerLeave={() => !drag && setHover(undefined)}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
          setDrag({ from: place(event), to: place(event) });
        }}
        onPointerUp={onPointerUp}
        onPointerCancel={() => setDrag(undefined)}
        onDblClick={() => look(undefined)}
        onKeyDown={onKeyDown}
        onWheel={onWheel}
      >
        <canvas ref={canvas} />
        <canvas ref={overlay} class="over" />
        {empty && <p class="nothing">Nothing to draw yet.</p>}
        {hover && told && (
          <div class="tip" style={tipPlace(hover, scales, width)}>
            {told}
          </div>
        )}
      </div>
      <p class="sr" id={`${id}-told`} aria-live="polite">
        {told ?? 'Arrow keys walk from point to point, plus and minus zoom.'}
      </p>
      <PointTable {...props} />
    </div>
  );
}

export interface Found {
  series: number;
  index: number;
  x: number;
  y: number;
  id: number | undefined;
}

const foundAt = (series: readonly Series[], which: number, index: number): Found => {
  const { x, y, ids } = series[which]!;
  return { series: which, index, x: x[index]!, y: y[index]!, id: ids?.[index] };
};

function findId(series: readonly Series[], id: number | undefined): Found | undefined {
  if (id === undefined) return undefined;
  for (const [which, { ids, y }] of series.entries()) {
    if (!ids) continue;
    const index = Array.prototype.indexOf.call(ids, id);
    if (index >= 0 && !Number.isNaN(y[index]!)) return foundAt(series, which, index);
  }
  return undefined;
}

/** The next point of the same series, in the order of x. */
function neighbour(series: readonly Series[], from: Found | undefined, step: number): Found | undefined {
  const which =
    from?.series ??
    Math.max(
      0,
      series.findIndex(({ ids }) => ids),
    );
  const one = series[which];
  if (!one) return undefined;
  const start = from?.index ?? (step > 0 ? (one.range?.[0] ?? 0) - 1 : (one.range?.[1] ?? one.x.length));
  for (let index = start + step; index >= 0 && index < one.x.length; index += step)
    if (!Number.isNaN(one.y[index]!)) return foundAt(series, which, index);
  return from;
}

function nearest(series: readonly Series[], scales: Scales, [px, py]: [number, number]): Found | undefined {
  let best = reach * reach;
  let found: Found | undefined;
  for (const [which, { x, y, ids, range, kind }] of series.entries()) {
    const [from, to] = range ?? [0, x.length];
    const weight = ids ? 1 : kind === 'points' ? 1 : 1.6; // points that can be chosen come first
    for (let index = from; index < to; index++) {
      if (Number.isNaN(y[index]!)) continue;
      const dx = scales.x(x[index]!) - px;
      if (dx > reach || dx < -reach) continue;
      const dy = scales.y(y[index]!) - py;
      const distance = weight * (dx * dx + dy * dy);
      if (distance >= best) continue;
      best = distance;
      found = foundAt(series, which, index);
    }
  }
  return found;
}

function describeFound(found: Found, { series, describe, formatX, formatY, xLabel }: PlotProps): string {
  if (found.id !== undefined && describe) return describe(found.id);
  const one = series[found.series];
  const [low, high] = [one?.low?.[found.index], one?.high?.[found.index]];
  const interval =
    low === undefined || high === undefined || Number.isNaN(low) ? '' : ` (${formatY(low)} to ${formatY(high)})`;
  return `${one?.name ?? ''}: ${formatY(found.y)}${interval} at ${xLabel} ${formatX(found.x)}`;
}

function tipPlace(found: Found, scales: Scales, width: number) {
  const x = scales.x(found.x);
  const isRight = x > width / 2;
  return {
    top: `${Math.max(0, scales.y(found.y) - 12)}px`,
    ...(isRight ? { right: `${width - x + 14}px` } : { left: `${x + 14}px` }),
  };
}

function scalesOf(
  width: number,
  height: number,
  [x0, x1]: [number, number],
  [y0, y1]: [number, number],
  logX = false,
): Scales {
  const inner = {
    left: margins.left,
    top: margins.top,
    width: Math.max(10, width - margins.left - margins.right),
    height: height - margins.top - margins.bottom,
  };
  const spanX = x1 > x0 ? x1 - x0 : 1;
  const spanY = y1 > y0 ? y1 - y0 : 1;
  const ratio = Math.log(x1 / x0) || 1;
  return {
    ...inner,
    x: logX
      ? (value) => inner.left + (Math.log(value / x0) / ratio) * inner.width
      : (value) => inner.left + ((value - x0) / spanX) * inner.width,
    y: (value) => inner.top + inner.height - ((value - y0) / spanY) * inner.height,
  };
}

function rangeOf({ x, sorted }: Series, [low, high]: [number, number]): [number, number] {
  if (!sorted) return [0, x.length];
  return [Math.max(0, lowerBound(x, low) - 1), Math.min(x.length, lowerBound(x, high) + 1)];
}

function wholeView({ series, domainX, domainY, logX }: PlotProps): { x: [number, number]; y: [number, number] } {
  let [x0, x1, y0, y1] = [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  for (const { x, y } of series)
    for (let index = 0; index < x.length; index++) {
      const [px, py] = [x[index]!, y[index]!];
      if (Number.isNaN(py) || Number.isNaN(px) || (logX && px <= 0)) continue;
      if (px < x0) x0 = px;
      if (px > x1) x1 = px;
      if (py < y0) y0 = py;
      if (py > y1) y1 = py;
    }
  if (x0 > x1) [x0, x1, y0, y1] = [logX ? 1 : 0, logX ? 10 : 1, 0, 1];
  if (x0 === x1) [x0, x1] = logX ? [x0 / 2, x1 * 2] : [x0 - 0.5, x1 + 0.5];
  return { x: domainX ?? (logX ? [x0 / 1.1, x1 * 1.1] : [x0, x1]), y: domainY ?? padded(y0, y1) };
}

function padded(low: number, high: number): [number, number] {
  const pad = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 0.5;
  return [low - pad, high + pad];
}

/** The range of y over the part of x that is shown. */
function yOf(series: readonly Series[], [x0, x1]: [number, number], otherwise: [number, number]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { x, y, range } of series) {
    const [from, to] = range ?? [0, x.length];
    for (let index = from; index < to; index++) {
      const value = y[index]!;
      if (Number.isNaN(value) || x[index]! < x0 || x[index]! > x1) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? padded(low, high) : otherwise;
}

function paint(
  context: CanvasRenderingContext2D,
  scale: number,
  props: PlotProps,
  scales: Scales,
  [x0, x1]: [number, number],
  [y0, y1]: [number, number],
): void {
  const { series, formatX, formatY, xLabel, yLabel, logX } = props;
  const { left, top, width, height } = scales;
  const [ink, line] = [css(colour('--quiet')), css(colour('--grid'))];
  context.font = chartFont();
  context.lineWidth = 1;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  for (const value of ticks(y0, y1, Math.max(2, height / 52))) {
    const y = Math.round(scales.y(value)) + 0.5;
    if (y < top - 1 || y > top + height + 1) continue;
    context.strokeStyle = line;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + width, y);
    context.stroke();
    context.fillStyle = ink;
    context.fillText(formatY(value), left - 8, y);
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  const xTicks = logX ? logTicks(x0, x1) : ticks(x0, x1, Math.max(2, width / 80));
  let free = Number.NEGATIVE_INFINITY; // so that no label touches the one before
  for (const value of xTicks) {
    const x = scales.x(value);
    const text = formatX(value);
    const half = context.measureText(text).width / 2;
    if (x < left - 1 || x > left + width + 1 || x - half < free) continue;
    free = x + half + 10;
    context.fillStyle = ink;
    context.fillText(text, Math.min(x, left + width + margins.right - half), top + height + 7);
  }
  context.strokeStyle = css(colour('--axis'));
  context.beginPath();
  context.moveTo(left, top + height + 0.5);
  context.lineTo(left + width, top + height + 0.5);
  context.stroke();
  context.fillStyle = ink;
  context.textAlign = 'right';
  context.fillText(xLabel, left + width, top + height + 24);
  context.textAlign = 'left';
  context.fillText(yLabel, 0, 1);

  paintLinks(context, props.links, scales, css(colour('--axis'), 0.45), 0.8);
  const points = series.filter(({ kind }) => kind === 'points');
  const total = points.reduce((sum, { range, x }) => sum + (range ? range[1] - range[0] : x.length), 0);
  if (total > 0) {
    const pixels = new ImageData(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    for (const one of points)
      paintPoints(
        pixels,
        { ...one, size: one.size ?? (total > 5000 ? 1.6 : 2.4) },
        scales,
        scale,
        one.faint ? 0.3 : total > 5000 ? 0.5 : 0.8,
      );
    drawPixels(context, pixels, scales);
  }
  paintLinks(context, props.strongLinks, scales, css(colour('--s2')), 2);
  for (const one of series) if (one.kind !== 'points') paintLine(context, one, scales);
}

function paintLinks(
  context: CanvasRenderingContext2D,
  links: Float64Array | undefined,
  scales: Scales,
  style: string,
  width: number,
): void {
  if (!links) return;
  context.save();
  context.beginPath();
  context.rect(scales.left, scales.top, scales.width, scales.height);
  context.clip();
  context.beginPath();
  for (let at = 0; at < links.length; at += 4) {
    context.moveTo(scales.x(links[at]!), scales.y(links[at + 1]!));
    context.lineTo(scales.x(links[at + 2]!), scales.y(links[at + 3]!));
  }
  context.strokeStyle = style;
  context.lineWidth = width;
  context.stroke();
  context.restore();
}

/** Pixels over what is drawn already: putImageData would replace it. */
function drawPixels(context: CanvasRenderingContext2D, pixels: ImageData, { left, top, width, height }: Scales): void {
  const layer = new OffscreenCanvas(pixels.width, pixels.height);
  layer.getContext('2d')!.putImageData(pixels, 0, 0);
  context.drawImage(layer, left, top, width, height);
}

function logTicks(low: number, high: number): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const factor of high / low > 50 ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  return found.length > 1 ? found : [low, high];
}

function paintMark(context: CanvasRenderingContext2D, found: Found, scales: Scales): void {
  const [x, y] = [scales.x(found.x), scales.y(found.y)];
  if (x < scales.left - 2 || x > scales.left + scales.width + 2) return;
  context.strokeStyle = css(colour('--ink'));
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 6, 0, 2 * Math.PI);
  context.stroke();
}

function paintDrag(
  context: CanvasRenderingContext2D,
  { from, to }: { from: [number, number]; to: [number, number] },
  scales: Scales,
  both: boolean,
): void {
  if (Math.abs(to[0] - from[0]) < 6) return;
  context.fillStyle = css(colour('--accent'), 0.14);
  const top = both ? Math.min(from[1], to[1]) : scales.top;
  const height = both ? Math.abs(to[1] - from[1]) : scales.height;
  context.fillRect(Math.min(from[0], to[0]), top, Math.abs(to[0] - from[0]), height);
}

export function Legend({ series }: { series: readonly Series[] }) {
  const shown = series.filter(({ quiet }) => !quiet);
  if (shown.length < 2) return null;
  return (
    <ul class="legend">
      {shown.map((one) => (
        <li key={one.name}>
          <Sign series={one} />
          {one.name}
        </li>
      ))}
    </ul>
  );
}

function Sign({ series: { kind, colour: name, shape = 'circle', dash } }: { series: Series }) {
  const paint = { stroke: `var(${name})`, fill: kind === 'points' ? `var(${name})` : 'none' };
  return (
    <svg width="20" height="12" viewBox="0 0 20 12" aria-hidden="true">
      {kind === 'points' ? (
        <ShapeSign shape={shape} {...paint} />
      ) : (
        <path d="M1 6H19" stroke-width="2.4" stroke-dasharray={(dash ?? dashes[0]!).join(' ')} {...paint} />
      )}
    </svg>
  );
}

function ShapeSign({ shape, stroke, fill }: { shape: Shape; stroke: string; fill: string }) {
  const paths: Record<Shape, string> = {
    circle: 'M10 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z',
    square: 'M6.5 2.5h7v7h-7Z',
    diamond: 'M10 1l5 5l-5 5l-5-5Z',
    triangle: 'M10 1.5l4.5 8h-9Z',
    cross: 'M9 1h2v4h4v2h-4v4h-2v-4h-4v-2h4Z',
    ring: 'M10 2.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7Z',
  };
  return (
    <path
      d={paths[shape]}
      fill={shape === 'ring' ? 'none' : fill}
      stroke={stroke}
      stroke-width={shape === 'ring' ? 2 : 0}
    />
  );
}

/** The same data as rows. */
function PointTable({ series, xLabel, yLabel, formatX, formatY }: PlotProps) {
  const count = series.reduce((sum, { x }) => sum + x.length, 0);
  if (count === 0) return null;
  return (
    <TableDetails
      caption={
        count > mostTableRows
          ? `The latest ${mostTableRows} of ${count.toLocaleString('en-US')} values`
          : `All ${count} values`
      }
      heads={['series', xLabel, yLabel]}
      rows={() => latestRows(series).map(({ name, x, y }) => [name, formatX(x), formatY(y)])}
    />
  );
}

function latestRows(series: readonly Series[]): { name: string; x: number; y: number }[] {
  const share = Math.ceil(mostTableRows / series.length);
  return series.flatMap(({ name, x, y }) => {
    const rows: { name: string; x: number; y: number }[] = [];
    for (let index = x.length - 1; index >= 0 && rows.length < share; index--)
      if (!Number.isNaN(y[index]!)) rows.push({ name, x: x[index]!, y: y[index]! });
    return rows;
  });
}
