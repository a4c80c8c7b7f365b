// Draws the paper's Figure 6 as SVG: a panel each for the best model, the 5 and the 25 best, with a line and a band for
// the interval of each strategy; and a chart of the models that were trained again. Takes plain numbers.

import * as Plot from '@observablehq/plot';
import { drawChart } from '../chart.ts';
import type { Retrained } from './retrained-finalists.ts';
import type { Curve } from './search-progress.ts';

const colours = ['#c2410c', '#1d4ed8', '#0f766e', '#7c3aed', '#475569']; // strategies in their order

const panelName = (top: number) => (top === 1 ? 'best model' : `mean of the ${top} best`);

/** Draws curves of any number of strategies and of best models. */
export function figure6Chart(curves: readonly Curve[]): string {
  const strategies = [...new Set(curves.map(({ strategy }) => strategy))];
  const panels = [...new Set(curves.map(({ top }) => top))].map(panelName);
  const rows = curves.flatMap(({ strategy, top, points }) =>
    points.map((point) => ({ ...point, strategy, panel: panelName(top) })),
  );
  const channels = { x: 'sampled', fx: 'panel' };
  return drawChart({
    width: 980,
    height: 380,
    marginLeft: 52,
    fx: { label: null, domain: panels },
    x: { label: 'architectures sampled →', ticks: 5 },
    y: { label: '↑ validation accuracy', tickFormat: (value: number) => `${(100 * value).toFixed(1)}%`, grid: true },
    color: { domain: strategies, range: colours.slice(0, strategies.length) },
    marks: [
      Plot.areaY(rows, { ...channels, y1: 'low', y2: 'high', z: 'strategy', fill: 'strategy', fillOpacity: 0.15 }),
      Plot.lineY(rows, { ...channels, y: 'mean', z: 'strategy', stroke: 'strategy', strokeWidth: 2 }),
      Plot.text(rows, {
        ...Plot.selectLast({ ...channels, y: 'mean', z: 'strategy', text: 'strategy', fill: 'strategy' }),
        textAnchor: 'end',
        dy: -8,
        fontWeight: 'bold',
      }),
    ],
  });
}

/**
 * Draws accuracy after training again against accuracy as a child: a panel per strategy, a dot per model, a line at the
 * mean.
 */
export function retrainedChart(models: readonly Retrained[]): string {
  const strategies = [...new Set(models.map(({ strategy }) => strategy))];
  const channels = { y: 'accuracy', fx: 'strategy', stroke: 'strategy' };
  const percent = (value: number) => `${(100 * value).toFixed(1)}%`;
  return drawChart({
    width: 980,
    height: 340,
    marginLeft: 52,
    inset: 8,
    fx: { label: null, domain: strategies },
    x: { label: 'as a child →', tickFormat: percent, ticks: 4 },
    y: { label: '↑ trained again', tickFormat: percent, grid: true },
    color: { domain: strategies, range: colours.slice(0, strategies.length) },
    marks: [
      Plot.dot(models, {
        ...channels,
        x: 'proxy',
        r: 4,
        strokeWidth: 2,
        title: ({ arm, trial, runs }: Retrained) => `${arm}, trial ${trial}, ${runs} runs`,
      }),
      Plot.ruleY(models, Plot.groupZ({ y: 'mean' }, { ...channels, z: 'strategy', strokeWidth: 2 })),
    ],
  });
}
