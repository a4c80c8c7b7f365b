// The picture of bench/budget.ts: test accuracy against the budget, one curve per contender, with 95% intervals.

import * as Plot from '@observablehq/plot';
import { drawChart } from '../src/report/chart.ts';

export interface BudgetResult {
  contender: string;
  minutes: number;
  /** Mean share of right answers. */
  accuracy: number;
  /** Half of its 95% interval. */
  half: number;
}

const colours = ['#c2410c', '#1d4ed8', '#475569', '#0f766e', '#7c3aed'];
const percent = (value: number) => `${Number((100 * value).toFixed(1))}%`;

/** @returns an SVG file's text */
export function budgetPicture(results: readonly BudgetResult[]): string {
  const names = [...new Set(results.map(({ contender }) => contender))];
  const minutes = [...new Set(results.map((result) => result.minutes))];
  const channels = { x: 'minutes', z: 'contender', stroke: 'contender' };
  const low = ({ accuracy, half }: BudgetResult) => accuracy - half;
  const high = ({ accuracy, half }: BudgetResult) => accuracy + half;
  return drawChart({
    marginLeft: 52,
    marginRight: 80,
    x: { type: 'log', label: 'minutes of two cores →', ticks: minutes, tickFormat: String, inset: 12 },
    y: { label: '↑ test accuracy', tickFormat: percent, grid: true, inset: 12 },
    color: { domain: names, range: colours.slice(0, names.length) },
    marks: [
      Plot.lineY(results, { ...channels, y: 'accuracy', strokeWidth: 2 }),
      Plot.ruleX(results, { ...channels, y1: low, y2: high }),
      Plot.dot(results, { ...channels, y: 'accuracy', fill: 'contender', r: 3.5 }),
      Plot.text(results, {
        ...Plot.selectLast({ x: 'minutes', y: 'accuracy', z: 'contender', text: 'contender', fill: 'contender' }),
        textAnchor: 'start',
        dx: 8,
      }),
    ],
  });
}
