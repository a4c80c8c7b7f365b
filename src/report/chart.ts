// Draws charts as SVG text, with Observable Plot in a document in memory.
// The functions take plain numbers; page.ts puts the charts into the report. report/figures/cost-chart.ts draws the
// paper's Figure 5.

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const accent = '#c2410c';
const quiet = '#94a3b8';
const second = '#1d4ed8';

/** A finished trial: its number and its reward in [0, 1]. */
export interface RewardPoint {
  trial: number;
  reward: number;
}

/**
 * Draws rewards against trials: a dot for every child, a step line for the best so far, a line for the mean of the
 * latest 20.
 * @param label the name of the reward
 */
export function rewardChart(points: RewardPoint[], label = 'validation accuracy'): string {
  const inOrder = [...points].sort((a, b) => a.trial - b.trial);
  let best = 0;
  const bests = inOrder.map((point) => {
    best = Math.max(best, point.reward);
    return { trial: point.trial, reward: best };
  });
  return drawChart({
    x: { label: 'trial →', tickFormat: wholeOnly },
    y: { label: `↑ ${label}`, tickFormat: share, grid: true },
    marks: [
      Plot.dot(inOrder, {
        x: 'trial',
        y: 'reward',
        r: 2.5,
        fill: quiet,
        title: (point: RewardPoint) => `trial ${point.trial}: ${(100 * point.reward).toFixed(2)}%`,
      }),
      Plot.line(bests, { x: 'trial', y: 'reward', stroke: accent, strokeWidth: 2, curve: 'step-after' }),
      Plot.line(
        inOrder,
        Plot.windowY(
          { k: Math.min(20, inOrder.length), anchor: 'end' },
          { x: 'trial', y: 'reward', stroke: second, strokeWidth: 2 },
        ),
      ),
    ],
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

/** Draws the test accuracy of each class, best class first. */
export function classChart(classes: { name: string; accuracy: number }[]): string {
  return drawChart({
    marginLeft: 110,
    height: 22 * classes.length + 50,
    x: { label: 'test accuracy →', tickFormat: share, domain: [0, 1], grid: true },
    y: { label: null },
    marks: [
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
    style: { fontSize: '12px' },
    ...options,
  });
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return chart.outerHTML;
}
