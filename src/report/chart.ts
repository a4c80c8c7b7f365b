// Draws charts as SVG text, with Observable Plot in a document in memory.
// The functions take plain numbers; page.ts puts the charts into the report. report/figures/cost-chart.ts draws the
// paper's Figure 5.

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { MatrixCell } from '../statistics/confusion-matrix.ts';
import { mean } from '../statistics/order.ts';
import { classLabels } from './class-labels.ts';

const accent = '#c2410c';
const quiet = '#94a3b8';
const second = '#1d4ed8';

/** A finished trial: its number and its reward in [0, 1]. */
export interface RewardPoint {
  trial: number;
  reward: number;
}

const mostDots = 2000;
const columns = 120; // of squares, and points of the line of means, where there are more trials
const rows = 50;

export interface RewardChart {
  svg: string;
  /**
   * How many trials in a row the line of means takes together; absent where each trial is a dot and that line the mean
   * of the latest 20.
   */
  together?: number;
}

/**
 * Validation accuracy against trials: every child a dot, the best so far a step line, the mean of the latest 20 a
 * smooth one. Of more children than dots can show, squares that are the darker the more children lie there. `label`
 * says what a reward is.
 */
export function rewardChart(points: RewardPoint[], label = 'validation accuracy'): RewardChart {
  const inOrder = [...points].sort((a, b) => a.trial - b.trial);
  const together = inOrder.length > mostDots ? Math.ceil(inOrder.length / columns) : undefined;
  const svg = drawChart({
    x: { label: 'trial →', tickFormat: wholeOnly },
    y: { label: `↑ ${label}`, tickFormat: share, grid: true },
    marks: [
      together === undefined ? dots(inOrder) : squares(inOrder),
      Plot.line(bestSoFar(inOrder), { x: 'trial', y: 'reward', stroke: accent, strokeWidth: 2, curve: 'step-after' }),
      together === undefined ? latestMeans(inOrder) : Plot.line(meansOf(inOrder, together), meanLine),
    ],
  });
  return { svg, ...(together !== undefined && { together }) };
}

const dots = (points: RewardPoint[]) =>
  Plot.dot(points, {
    x: 'trial',
    y: 'reward',
    r: 2.5,
    fill: quiet,
    title: (point: RewardPoint) => `trial ${point.trial}: ${(100 * point.reward).toFixed(2)}%`,
  });

/** How many children lie where, all of them counted. */
function squares(points: RewardPoint[]) {
  const [first, last] = [points[0]!.trial, points.at(-1)!.trial + 1];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { reward } of points) [low, high] = [Math.min(low, reward), Math.max(high, reward)];
  const [width, height] = [(last - first) / columns, (high - low) / rows || 1];
  const counts = new Map<number, number>();
  for (const { trial, reward } of points) {
    const row = Math.min(rows - 1, Math.floor((reward - low) / height));
    const place = Math.floor((trial - first) / width) * rows + row;
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  const drawn = Array.from(counts, ([place, count]) => {
    const [x1, y1] = [first + Math.floor(place / rows) * width, low + (place % rows) * height];
    return { x1, y1, x2: x1 + width, y2: y1 + height, count };
  });
  const most = drawn.reduce((so, { count }) => Math.max(so, count), 0);
  return Plot.rect(drawn, {
    ...{ x1: 'x1', x2: 'x2', y1: 'y1', y2: 'y2', inset: 0, fill: quiet },
    fillOpacity: ({ count }) => 0.15 + (0.85 * count) / most,
    title: ({ count }) => `${count}`,
  });
}

/** Where the best changes, and the last trial. */
function bestSoFar(points: RewardPoint[]): RewardPoint[] {
  let best = Number.NEGATIVE_INFINITY;
  return points.flatMap(({ trial, reward }, place) => {
    const better = reward > best;
    best = Math.max(best, reward);
    return better || place === points.length - 1 ? [{ trial, reward: best }] : [];
  });
}

const meanLine = { x: 'trial', y: 'reward', stroke: second, strokeWidth: 2 } as const;
const latestMeans = (points: RewardPoint[]) =>
  Plot.line(points, Plot.windowY({ k: Math.min(20, points.length), anchor: 'end' }, meanLine));

/** The mean of so many in a row, at the last of them. */
function meansOf(points: RewardPoint[], together: number): RewardPoint[] {
  return Array.from({ length: Math.ceil(points.length / together) }, (_, group) => {
    const own = points.slice(group * together, (group + 1) * together);
    return { trial: own.at(-1)!.trial, reward: mean(own.map(({ reward }) => reward)) };
  });
}

/** Draws a histogram of the rewards of all finished trials. */
export function rewardHistogram(points: RewardPoint[], label = 'validation accuracy'): string {
  return drawChart({
    height: 180,
    x: { label: `${label} →`, tickFormat: share },
    y: { label: '↑ cells', grid: true },
    marks: [Plot.rectY(points, { ...Plot.binX({ y: 'count' }, { x: 'reward' }), fill: quiet }), Plot.ruleY([0])],
  });
}

/** A point of a training: its progress in epochs, and a loss or an accuracy. */
export interface LearningPoint {
  epoch: number;
  value: number;
  series: string;
}

/** Draws accuracies (or losses) of one training against epochs, one labelled line per series. */
export function learningChart(points: LearningPoint[], label: string, isShare: boolean): string {
  return drawChart({
    marginRight: 110,
    height: 240,
    x: { label: 'epoch →' },
    y: { label: `↑ ${label}`, grid: true, ...(isShare ? { tickFormat: share } : {}) },
    color: { range: [second, accent, quiet] },
    marks: [
      Plot.line(points, { x: 'epoch', y: 'value', stroke: 'series', strokeWidth: 2 }),
      Plot.dot(points, { x: 'epoch', y: 'value', fill: 'series', r: 2 }),
      Plot.text(
        points,
        Plot.selectLast({
          x: 'epoch',
          y: 'value',
          z: 'series',
          text: 'series',
          fill: 'series',
          textAnchor: 'start',
          dx: 6,
        }),
      ),
    ],
  });
}

const fontSize = 12; // pixels
const besideLabel = 14; // tick, and gaps on both sides

/** Draws the test accuracy of each class, best class first. Names that are too long are titles of their labels. */
export function classChart(classes: { name: string; accuracy: number }[]): string {
  const labels = classLabels(
    classes.map(({ name }) => name),
    300,
    fontSize,
  );
  return drawChart({
    marginLeft: Math.ceil(labels.width) + besideLabel,
    marginRight: 50,
    height: 22 * classes.length + 50,
    x: { label: 'test accuracy →', tickFormat: share, domain: [0, 1], grid: true },
    y: { type: 'band' }, // stated, since names of classes may look like numbers or dates
    marks: [
      Plot.axisY({ label: null, tickFormat: labels.of, title: labels.titleOf }),
      Plot.barX(classes, {
        x: 'accuracy',
        y: 'name',
        fill: second,
        fillOpacity: 0.75,
        sort: { y: 'x', reverse: true },
      }),
      Plot.text(classes, {
        x: 'accuracy',
        y: 'name',
        text: (row: { accuracy: number }) => `${(100 * row.accuracy).toFixed(1)}%`,
        dx: 4,
        textAnchor: 'start',
      }),
    ],
  });
}

/**
 * Draws a confusion matrix: the darker a cell, the larger its share of the row. Small matrices have their numbers in
 * the cells, all have them as titles.
 */
export function confusionChart(cells: readonly MatrixCell[]): string {
  const classes = [...new Set(cells.map(({ className }) => className))];
  const side = classes.length <= 12 ? 46 : 22;
  const labels = classLabels(classes, 220, fontSize);
  const angle = (-tilt * Math.PI) / 180;
  const [rise, lean] = [Math.ceil(Math.sin(angle) * labels.width), Math.ceil(Math.cos(angle) * labels.width)];
  const marginLeft = Math.ceil(labels.width) + 2 * besideLabel; // for the label of the axis too
  const marginTop = rise + 2 * besideLabel;
  const marginRight = Math.max(20, lean - side / 2 + besideLabel); // the last answer's name leans over it
  const numbers = cells.filter(({ images }) => images > 0);
  return drawChart({
    width: side * classes.length + marginLeft + marginRight,
    height: side * classes.length + marginTop + 20,
    ...{ marginLeft, marginTop, marginRight, marginBottom: 20 },
    padding: 0.04,
    x: { type: 'band', domain: classes },
    y: { type: 'band', domain: classes },
    marks: [
      Plot.axisX({ label: 'answer', anchor: 'top', tickRotate: tilt, tickFormat: labels.of, title: labels.titleOf }),
      Plot.axisY({ label: 'class', tickFormat: labels.of, title: labels.titleOf }),
      Plot.cell(cells, {
        x: 'answer',
        y: 'className',
        fill: (cell: MatrixCell) => (cell.className === cell.answer ? second : accent),
        fillOpacity: (cell: MatrixCell) => (cell.images === 0 ? 0.03 : 0.15 + 0.6 * cell.share),
        title: ({ className, answer, images }: MatrixCell) => `${className} taken for ${answer}: ${images}`,
      }),
      ...(classes.length <= 20
        ? [Plot.text(numbers, { x: 'answer', y: 'className', text: (cell: MatrixCell) => String(cell.images) })]
        : []),
    ],
  });
}

const tilt = -60; // degrees, of the answers' names

/** Formats 0.275 as "27.5%" and 0.3 as "30%". */
const share = (fraction: number): string => `${Number((100 * fraction).toFixed(1))}%`;

const wholeOnly = (value: number): string => (Number.isInteger(value) ? String(value) : '');

/** Draws a chart as self-contained SVG. Default size: 720 × 320 pixels. */
export function drawChart(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<html><body></body></html>');
  const chart = Plot.plot({
    document,
    width: 720,
    height: 320,
    marginBottom: 42,
    style: { fontSize: `${fontSize}px` },
    ...options,
  });
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return chart.outerHTML;
}
