// The chart of rewards: as many marks as can be told apart, with every child in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import { rewardChart } from '../../src/report/chart.ts';

const points = (count: number) =>
  Array.from({ length: count }, (_, trial) => ({ trial, reward: (trial * 0.6180339887) % 1 }));
const titles = (svg: string) =>
  Array.from(parseHTML(svg).document.querySelectorAll('title'), ({ textContent }) => String(textContent));

test('up to 2,000 children are a dot each', () => {
  const { svg, together } = rewardChart(points(2000));
  assert.equal(together, undefined);
  assert.equal(titles(svg).filter((title) => title.startsWith('trial ')).length, 2000);
});

test('more children are squares that count each of them once, and the page says how many the means are of', () => {
  const { svg, together } = rewardChart(points(50_000));
  const counts = titles(svg).map(Number);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    50_000,
  );
  assert.ok(counts.length <= 120 * 50);
  assert.equal(together, Math.ceil(50_000 / 120));
  assert.ok(svg.length < 2e6, `${svg.length} characters`);
});

test('many children of one reward are drawn', () => {
  const { svg } = rewardChart(points(3000).map(({ trial }) => ({ trial, reward: 0.5 })));
  assert.equal(
    titles(svg)
      .map(Number)
      .reduce((sum, count) => sum + count, 0),
    3000,
  );
});
