// The page of a classifier: its matrix, its tables and its text, read back as a document.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import { type ClassifierPage, renderClassifierPage } from '../../src/report/classifier-page.ts';
import { matrixOf } from '../../src/statistics/confusion-matrix.ts';

const classes = ['cat', 'dog', '<b>owl'];
const confusions = [
  { label: 1, answer: 0, images: 3 },
  { label: 0, answer: 2, images: 1 },
];
const page: ClassifierPage = {
  title: 'photos & more',
  sentences: ['It classifies 60.00% right.'],
  facts: [['weights', 'a <file>']],
  epochs: [1, 2, 3].map((epoch) => ({
    epoch,
    loss: 1,
    accuracy: 0.2 * epoch,
    trainingAccuracy: 0.3,
    learningRate: 0.1,
  })),
  evaluation: {
    data: 'the test images of photos',
    ...{ accuracy: 0.6, balancedAccuracy: 0.55, topFiveAccuracy: 1, loss: 1.25, images: 10 },
    ...{ classes, classAccuracies: [0.75, 0.25, Number.NaN], classImages: [4, 4, 0], confusions },
    worst: [{ name: 'dog/<7>.png', label: 1, answer: 0, probability: 0.9, labelProbability: 0.05 }],
  },
};

test('each row of the matrix is a class with all its images: those right are what no confusion takes away', () => {
  const images = matrixOf(classes, [4, 4, 0], confusions).map((cell) => cell.images);
  assert.deepEqual(images, [3, 0, 1, 3, 1, 0, 0, 0, 0]);
  const shares = matrixOf(classes, [4, 4, 0], confusions).map(({ share }) => share);
  assert.deepEqual(shares, [0.75, 0, 0.25, 0.75, 0.25, 0, 0, 0, 0]);
});

test('the page stands alone, escapes names, has every part for the keyboard, and follows light, dark and print', () => {
  const text = renderClassifierPage(page);
  const { document } = parseHTML(text);
  assert.equal(document.querySelectorAll('script, link, img, iframe').length, 0);
  assert.doesNotMatch(text, /https?:(?!\/\/www\.w3\.org)/);
  assert.equal(document.querySelectorAll('b').length, 0);
  const linked = [...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href')!.slice(1));
  assert.deepEqual(linked, ['result', 'curves', 'classes', 'images', 'facts']);
  for (const id of linked) {
    const part = document.getElementById(id)!;
    assert.equal(part.getAttribute('tabindex'), '0');
    assert.ok(document.getElementById(part.getAttribute('aria-labelledby')!));
  }
  for (const svg of document.querySelectorAll('figure svg')) assert.ok(svg.getAttribute('aria-label'));
  assert.match(text, /color-scheme: light dark/);
  assert.match(text, /@media print/);
  const rows = [...document.querySelectorAll('#classes tbody tr')].map((row) =>
    [...row.querySelectorAll('td')].map((cell) => cell.textContent),
  );
  assert.deepEqual(rows, [
    ['dog', 'cat', '3', '75.0%'],
    ['cat', '<b>owl', '1', '25.0%'],
  ]);
  assert.ok(document.querySelector('#images')!.textContent!.includes('dog/<7>.png'));
});

test('a network of a thousand classes has tables in place of a chart and a matrix', () => {
  const names = Array.from({ length: 1000 }, (_, place) => `class ${place}`);
  const evaluation = {
    ...page.evaluation,
    classes: names,
    classAccuracies: names.map((_, place) => place / 1000),
    classImages: names.map(() => 50),
  };
  const { document } = parseHTML(renderClassifierPage({ ...page, evaluation }));
  assert.equal(document.querySelectorAll('#classes svg').length, 0);
  assert.equal(document.querySelectorAll('#classes tbody')[0]!.querySelectorAll('tr').length, 1000);
});

test('classes whose names are numbers or dates are drawn without a warning', (context) => {
  const warnings = context.mock.method(console, 'warn', () => {});
  for (const names of [
    ['3', '7', '9'],
    ['2024-01-01', '2024-01-02', '2024-01-03'],
  ]) {
    const text = renderClassifierPage({ ...page, evaluation: { ...page.evaluation, classes: names } });
    for (const name of names) assert.ok(text.includes(`>${name}</text>`), name);
    assert.doesNotMatch(text, /⚠/);
  }
  assert.equal(warnings.mock.callCount(), 0);
});
