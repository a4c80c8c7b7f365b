// Charts as SVG text, drawn by Observable Plot into a document that lives only in memory.
// They take plain numbers; page.ts puts them into the report. The paper's Figure 5 is drawn in report/figures/cost-chart.ts.

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const accent = '#c2410c';
const quiet = '#94a3b8';
const second = '#1d4ed8';

/** One finished trial: its number (from 1), its reward in [0, 1]. */
export interface RewardPoint {
  trial: number;
  reward: number;
}

/** Validation accuracy against trials: every child a dot, the best so far a step line, the mean of the latest 20 a smooth one. `label` says what a reward is. */
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

/** How evenly the rewards spread: a histogram of all finished trials. */
export function rewardHistogram(points: RewardPoint[], label = 'validation accuracy'): string {
  return drawChart({
    height: 180,
    x: { label: `${label} →`, tickFormat: share },
    y: { label: '↑ cells', grid: true },
    marks: [Plot.rectY(points, { ...Plot.binX({ y: 'count' }, { x: 'reward' }), fill: quiet }), Plot.ruleY([0])],
  });
}

/** One point of a training: how far it is in epochs, and a loss or an accuracy. */
export interface LearningPoint {
  epoch: number;
  value: number;
  series: string;
}

/** Accuracies (or losses) of one training against epochs, one line a series, named at its end. */
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

/** Share of right answers per class on the test images, best class first. */
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

/** 0.275 as "27.5%", 0.3 as "30%". */
const share = (fraction: number): string => `${Number((100 * fraction).toFixed(1))}%`;

const wholeOnly = (value: number): string => (Number.isInteger(value) ? String(value) : '');

/** A chart of this size unless the options say another, as SVG that stands alone. */
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
