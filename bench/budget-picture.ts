// The picture of bench/budget.ts: test accuracy against the budget, one curve per contender, with 95% intervals
// from three seeds on.

import * as Plot from '@observablehq/plot';
import { drawChart } from '../src/report/chart.ts';

export interface BudgetResult {
  contender: string;
  minutes: number;
  /** Mean share of right answers. */
  accuracy: number;
  /** Half of its 95% interval; 0 with too few seeds for one. */
  half: number;
}

const colours = ['#c2410c', '#1d4ed8', '#475569', '#0f766e', '#7c3aed', '#a16207'];
const percent = (value: number) => `${Number((100 * value).toFixed(1))}%`;

/** @returns an SVG file's text */
export function budgetPicture(results: readonly BudgetResult[]): string {
  const minutes = [...new Set(results.map((result) => result.minutes))];
  return minutes.length > 1 ? curves(results, minutes) : row(results, minutes[0]!);
}

const low = ({ accuracy, half }: BudgetResult) => accuracy - half;
const high = ({ accuracy, half }: BudgetResult) => accuracy + half;
const namesOf = (results: readonly BudgetResult[]) => [...new Set(results.map(({ contender }) => contender))];
const accuracyAxis = { label: '↑ test accuracy', tickFormat: percent, grid: true, inset: 12 };
const colourOf = (names: readonly string[]) => ({ domain: names, range: colours.slice(0, names.length) });

/** One curve per contender. */
function curves(results: readonly BudgetResult[], minutes: readonly number[]): string {
  const names = namesOf(results);
  const channels = { x: 'minutes', z: 'contender', stroke: 'contender' };
  return drawChart({
    marginLeft: 52,
    marginRight: 80,
    x: { type: 'log', label: 'minutes of two cores →', ticks: minutes, tickFormat: String, inset: 12 },
    y: accuracyAxis,
    color: colourOf(names),
    marks: [
      Plot.lineY(results, { ...channels, y: 'accuracy', strokeWidth: 2 }),
      Plot.ruleX(results, { ...channels, y1: low, y2: high }),
      Plot.dot(results, { ...channels, y: 'accuracy', fill: 'contender', r: 3.5 }),
      Plot.text(apart(lastOf(results), 0.055 * (Math.max(...results.map(high)) - Math.min(...results.map(low)))), {
        ...{ x: 'minutes', y: 'place', text: 'contender', fill: 'contender' },
        textAnchor: 'start',
        dx: 8,
      }),
    ],
  });
}

/** The longest budget of each contender. */
const lastOf = (results: readonly BudgetResult[]) => [
  ...new Map(results.toSorted((a, b) => a.minutes - b.minutes).map((each) => [each.contender, each])).values(),
];

/** The place of each name on the axis of accuracies, moved up as far as names would overlap. @param line its height */
function apart(results: readonly BudgetResult[], line: number): (BudgetResult & { place: number })[] {
  const places: (BudgetResult & { place: number })[] = [];
  for (const each of results.toSorted((a, b) => a.accuracy - b.accuracy)) {
    const below = places.filter(({ minutes }) => minutes === each.minutes).at(-1);
    places.push({ ...each, place: Math.max(each.accuracy, below ? below.place + line : 0) });
  }
  return places;
}

/** The contenders of one budget side by side. */
function row(results: readonly BudgetResult[], minutes: number): string {
  const names = namesOf(results);
  const channels = { x: 'contender', stroke: 'contender' };
  return drawChart({
    marginLeft: 52,
    x: { domain: names, label: `${minutes} minutes of two cores` },
    y: accuracyAxis,
    color: colourOf(names),
    marks: [
      Plot.ruleX(results, { ...channels, y1: low, y2: high, strokeWidth: 2 }),
      Plot.dot(results, { ...channels, y: 'accuracy', fill: 'contender', r: 4 }),
      Plot.text(results, {
        x: 'contender',
        y: 'accuracy',
        text: ({ accuracy }: BudgetResult) => `${(100 * accuracy).toFixed(1)}%`,
        fill: 'contender',
        textAnchor: 'start',
        dx: 8,
      }),
    ],
  });
}
