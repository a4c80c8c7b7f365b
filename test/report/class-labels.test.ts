// Names of classes in charts: all of a name where there is room, else labels that can be told apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import { textWidth } from '../../src/draw/palette.ts';
import { classChart, confusionChart } from '../../src/report/chart.ts';
import { classLabels } from '../../src/report/class-labels.ts';
import { matrixOf } from '../../src/statistics/confusion-matrix.ts';

const labelsOf = (names: string[], most: number) => {
  const labels = classLabels(names, most, 12);
  return names.map(labels.of);
};

test('names that fit are their labels, and the widest says the width', () => {
  const names = ['cat', 'diseased leaf, early blight', '2024-01-01', '健康的葉子'];
  assert.deepEqual(labelsOf(names, 300), names);
  assert.equal(classLabels(names, 300, 12).width, textWidth(names[1]!, 12));
  assert.equal(classLabels(['葉'.repeat(20)], 300, 12).width, 240, 'a sign of Chinese is as wide as high');
});

test('longer names keep their start; where that is alike, start and end, the end, or where they differ', () => {
  const long = 'a name that is far longer than there is room for it';
  const half = (name: string) => `${name} ${long} ${name}`;
  for (const names of [
    ['first', 'second'].map((name) => `${name} ${long}`),
    ['first', 'second'].map((name) => `${long}, ${name}`),
    ['first', 'second'].map((name) => `${long} ${name} ${long}`),
    [half('first'), half('second'), `${long}, third`, `${long}, fourth`],
    ['👩‍🌾', '👨‍🌾'].map((name) => `${long} ${name}`),
  ]) {
    const labels = labelsOf(names, 100);
    assert.equal(new Set(labels).size, names.length, labels.join(' | '));
    for (const label of labels) {
      assert.ok(textWidth(label, 12) <= 100, label);
      assert.match(label, /…/);
    }
  }
  assert.deepEqual(
    labelsOf(['one two three four five six', 'seven'], 80).map((label) => label.replace(/^one two.*…$/, 'start …')),
    ['start …', 'seven'],
  );
});

test('both charts have room for names, and the whole of a shortened one as its title', () => {
  const names = ['diseased leaf, early blight', 'diseased leaf, late blight', `leaf of ${'many '.repeat(20)}kinds`];
  const measured = 155; // pixels of the first name in DejaVu Sans of 12 pixels
  const matrix = matrixOf(names, [5, 5, 5], [{ label: 0, answer: 1, images: 2 }]);
  for (const svg of [classChart(names.map((name) => ({ name, accuracy: 0.5 }))), confusionChart(matrix)]) {
    const { document } = parseHTML(svg);
    const labels = [...document.querySelectorAll('[aria-label="y-axis tick label"] text')];
    assert.equal(labels.length, names.length);
    for (const label of labels) {
      const [, end] = /translate\(([\d.]+),/.exec(label.getAttribute('transform')!)!;
      assert.ok(Number(end) > measured, `the names end at ${end}`);
    }
    const shown = labels.map(({ firstChild }) => firstChild!.textContent!);
    for (const name of names.slice(0, 2)) assert.ok(shown.includes(name), name);
    assert.equal(shown.filter((name) => /^leaf of many.*…$/.test(name)).length, 1);
    const titles = labels.flatMap((label) => label.querySelector('title')?.textContent ?? []);
    assert.deepEqual(titles, [names[2]]);
  }
});
