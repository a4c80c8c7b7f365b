// Draws the paper's Figure 5 as SVG: accuracy against the cost of a network, with labelled points. Takes plain numbers.

import * as Plot from '@observablehq/plot';
import { fontFamily, ink, textWidth } from '../../draw/palette.ts';
import { drawChart } from '../chart.ts';
import { type Box, type PlacedLabel, placeLabels, type Segment } from './label-placement.ts';

export type Series = 'designed' | 'nasnet-a' | 'nasnet-b-c' | 'own';

export interface CostPoint {
  name: string;
  series: Series;
  /** In the axis's unit, such as billions of multiply-adds. */
  cost: number;
  /** Top-1 accuracy, 0 to 1. */
  top1: number;
}

export interface CostChart {
  title: string;
  /** The label of the horizontal axis. */
  label: string;
  points: readonly CostPoint[];
}

interface SeriesStyle {
  legend: string;
  colour: string;
  symbol: 'circle' | 'square' | 'diamond2';
  /** Radius of the symbol in pixels. */
  radius: number;
  filled: boolean;
}

const styles: Record<Series, SeriesStyle> = {
  designed: { legend: 'designed by people', colour: '#475569', symbol: 'circle', radius: 4, filled: true },
  'nasnet-a': { legend: 'NASNet-A', colour: '#c2410c', symbol: 'square', radius: 5, filled: true },
  'nasnet-b-c': { legend: 'NASNet-B and -C', colour: '#c2410c', symbol: 'square', radius: 4, filled: false },
  own: { legend: 'your models', colour: '#1d4ed8', symbol: 'diamond2', radius: 6, filled: true },
};

const size = { width: 760, height: 540, left: 58, right: 24, top: 64, bottom: 48 } as const; // pixels
const frame = { left: size.left, right: size.width - size.right, top: size.top, bottom: size.height - size.bottom };
const font = 12; // pixels

const ticks = 8; // approximate number on each axis
const middle = { labelAnchor: 'center', labelArrow: 'none' } as const;

/** A background behind everything including the axes, for dark pages. */
const paper = Plot.frame({
  fill: ink.paper,
  insetLeft: -size.left,
  insetRight: -size.right,
  insetTop: -size.top,
  insetBottom: -size.bottom,
});

/** Draws one plot of the figure. A line joins NASNet-A's points in the order of their cost. */
export function costChart({ title, label, points }: CostChart): string {
  const x = scale([0, roundUp(1.04 * Math.max(...points.map(({ cost }) => cost)))], [frame.left, frame.right]);
  const y = scale(accuracies(points), [frame.bottom, frame.top]);
  const line = points.filter(({ series }) => series === 'nasnet-a').sort((a, b) => a.cost - b.cost);
  const segments = line.slice(1).map((to, index): Segment => {
    return [x.at(line[index]!.cost), y.at(line[index]!.top1), x.at(to.cost), y.at(to.top1)];
  });
  const labels = placeLabels(
    points.map(({ name, series, cost, top1 }) => ({
      x: x.at(cost),
      y: y.at(top1),
      radius: styles[series].radius,
      width: textWidth(name, font, weightOf(series)),
      height: font + 1,
    })),
    inset(frame, 3),
    segments,
  );
  return drawChart({
    width: size.width,
    height: size.height,
    marginLeft: size.left,
    marginRight: size.right,
    marginTop: size.top,
    marginBottom: size.bottom,
    style: { fontSize: `${font}px`, fontFamily, color: ink.text },
    ariaLabel: title,
    x: { domain: x.domain, range: x.range },
    y: { domain: y.domain, range: y.range },
    marks: [
      paper,
      Plot.gridX({ ticks }),
      Plot.gridY({ ticks }),
      Plot.axisX({ ...middle, label, ticks }),
      Plot.axisY({
        ...middle,
        label: 'top-1 accuracy (%)',
        ticks,
        tickFormat: (value: number) => `${toPercent(value)}`,
      }),
      Plot.frame({ stroke: '#cbd5e1' }),
      Plot.line(line, { x: 'cost', y: 'top1', stroke: styles['nasnet-a'].colour, strokeWidth: 1.75 }),
      leaders(labels, x, y),
      ...(Object.keys(styles) as Series[]).map((series) => symbols(points, series)),
      ...points.map((point, index) => nameText(point, labels[index]!, x, y)),
      ...heading(title, points),
    ],
  });
}

function symbols(points: readonly CostPoint[], series: Series): Plot.Markish {
  return Plot.dot(
    points.filter((point) => point.series === series),
    {
      ...look(series),
      x: 'cost',
      y: 'top1',
      ariaLabel: 'name',
      title: ({ name, top1 }: CostPoint) => `${name}: ${toPercent(top1)}%`,
    },
  );
}

/** Returns the style of a series' symbol in the plot and in the legend. */
function look(series: Series): Plot.DotOptions {
  const { colour, symbol, radius, filled } = styles[series];
  const [fill, stroke, strokeWidth] = filled ? [colour, ink.paper, 1] : [ink.paper, colour, 1.75];
  return { symbol, r: radius, fill, stroke, strokeWidth };
}

/** Draws a name in its box, aligned to the side of its point. The box is as wide as the text in the widest font. */
function nameText({ name, series, cost }: CostPoint, { box }: PlacedLabel, x: Scale, y: Scale): Plot.Markish {
  const point = x.at(cost);
  const [anchor, pixel] =
    point <= box.left
      ? (['start', box.left] as const)
      : point >= box.right
        ? (['end', box.right] as const)
        : (['middle', (box.left + box.right) / 2] as const);
  return Plot.text([name], {
    x: [x.back(pixel)],
    y: [y.back((box.top + box.bottom) / 2)],
    textAnchor: anchor,
    fill: series === 'designed' ? ink.text : styles[series].colour,
    stroke: ink.paper, // an outline, so that no grid line crosses the letters
    strokeWidth: 3,
    fontWeight: weightOf(series),
    text: (text: string) => text,
  });
}

function leaders(labels: readonly PlacedLabel[], x: Scale, y: Scale): Plot.Markish {
  const lines = labels.flatMap(({ leader }) => (leader ? [leader] : []));
  return Plot.link(lines, {
    x1: ([x1]: Segment) => x.back(x1),
    y1: ([, y1]: Segment) => y.back(y1),
    x2: ([, , x2]: Segment) => x.back(x2),
    y2: ([, , , y2]: Segment) => y.back(y2),
    stroke: '#94a3b8',
    strokeWidth: 0.75,
  });
}

/** Draws the title and the legend below it. */
function heading(title: string, points: readonly CostPoint[]): Plot.Markish[] {
  const used = (Object.keys(styles) as Series[]).filter((series) => points.some((point) => point.series === series));
  let across = 0;
  const legend = used.flatMap((series) => {
    const { legend: words } = styles[series];
    const at = { frameAnchor: 'top-left', dy: -17 } as const;
    const left = across;
    across += 16 + textWidth(words, font) + 12;
    return [
      Plot.dot([words], { ...look(series), ...at, dx: left + 6 }),
      Plot.text([words], { ...at, dx: left + 16, dy: -22, fill: ink.quiet, textAnchor: 'start' }),
    ];
  });
  const text = { frameAnchor: 'top-left', dy: -50, fontSize: 15, fontWeight: 'bold', textAnchor: 'start' } as const;
  return [Plot.text([title], text), ...legend];
}

const weightOf = (series: Series) => (series === 'own' ? 'bold' : 'normal');

interface Scale {
  domain: [number, number];
  range: [number, number];
  at(value: number): number;
  back(pixel: number): number;
}

function scale(domain: [number, number], range: [number, number]): Scale {
  const slope = (range[1] - range[0]) / (domain[1] - domain[0]);
  return {
    domain,
    range,
    at: (value) => range[0] + (value - domain[0]) * slope,
    back: (pixel) => domain[0] + (pixel - range[0]) / slope,
  };
}

/** Converts a share to percent without rounding errors: 0.741 to 74.1. */
const toPercent = (share: number) => Number((100 * share).toFixed(2));

/**
 * Returns the range of the accuracy axis: from a multiple of 2 points below the smallest accuracy to one above the
 * largest.
 */
function accuracies(points: readonly CostPoint[]): [number, number] {
  const shares = points.map(({ top1 }) => 100 * top1);
  const smallest = 2 * Math.floor((Math.min(...shares) - 1) / 2);
  const largest = 2 * Math.ceil((Math.max(...shares) + 0.8) / 2);
  return [Math.max(0, smallest) / 100, Math.min(100, largest) / 100];
}

/** Rounds up to one of these steps times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10];
  return power * steps.find((step) => step * power >= value)!;
}

const inset = ({ left, right, top, bottom }: Box, by: number): Box => {
  return { left: left + by, right: right - by, top: top + by, bottom: bottom - by };
};
