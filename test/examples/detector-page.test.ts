// The page with a detector in real Chromium, opened as a file: the boxes that are drawn are the engine's for the same
// picture files, to 0.01 pixel of the detector's input and 1e-4 of the score.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import type { Detection } from '../../src/coco/box.ts';
import type { Detector } from '../../src/detect/detector.ts';
import { headNames } from '../../src/detect/detector-settings.ts';
import { findObjects } from '../../src/detect/find-objects.ts';
import { exportDetector } from '../../src/detect/onnx/detector-onnx.ts';
import { framePicture, testPlacement } from '../../src/detect/pictures.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { writeHtml } from '../../src/export/html/export-html.ts';
import { buildOnnx } from '../../src/export/onnx/export-onnx.ts';
import { nasnetA } from '../../src/space/published.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { describeLively, lively } from '../detect/lively.ts';
import { example } from '../export/onnx/networks.ts';
import { bringFile, drawn, openChromium, skip, watchedPage } from './chromium.ts';

setThreads(1);

const folder = temporaryFolder({ after });
const leastScore = 0.1;
const inputs = { paper: [64, 80], fpn: [75, 98] } as const;
const detectors: Record<string, Detector> = {};

/** Pictures that fit, shrink and grow, wide and tall, a photograph's noise, turned by EXIF. */
const pictures: Record<string, () => Promise<Buffer>> = {
  'wide.png': () => drawn(190, 101).png().toBuffer(),
  'tall.png': () => drawn(75, 160).png().toBuffer(),
  'small.png': () => drawn(31, 27).png().toBuffer(),
  'noise.png': () => noise(333, 250).png().toBuffer(),
  'clear.webp': () => drawn(64, 64).webp({ lossless: true }).toBuffer(),
  'photo.jpg': () => noise(200, 150).blur(2).jpeg({ quality: 90 }).toBuffer(),
  'turned.jpg': () => drawn(160, 90).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer(),
};

function noise(width: number, height: number) {
  const bytes = Uint8Array.from(
    { length: 3 * width * height },
    (_, index) => (index * 7919 + (index >> 5) * 104729) % 256,
  );
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

let browser: Browser;
let page: Page;
let requests: string[];
let complaints: string[];

before(async () => {
  if (skip) return;
  for (const [name, make] of Object.entries(pictures)) writeFileSync(join(folder, name), await make());
  for (const head of headNames) {
    const detector = lively(head, inputs[head]);
    detectors[head] = detector;
    await exportDetector(join(folder, `${head}.onnx`), detector, describeLively(detector), { leastScore });
  }
  const { network, description } = example(nasnetA, { cells: 1, filters: 4, input: [16, 16], classes: 3 }, 1);
  writeFileSync(join(folder, 'classifier.onnx'), buildOnnx(network, description));
  writeHtml(join(folder, 'page.html'), readFileSync(join(folder, 'fpn.onnx')));
  writeHtml(join(folder, 'classifier.html'), readFileSync(join(folder, 'classifier.onnx')));
  browser = await openChromium();
  ({ page, requests, complaints } = await watchedPage(browser));
  await open('page.html', 'Objects will');
});
after(() => browser?.close());

async function open(name: string, expected: string): Promise<void> {
  await page.goto(pathToFileURL(join(folder, name)).href);
  await page.waitForSelector(`#hint:has-text("${expected}")`, { timeout: 60_000 });
}

interface Drawn {
  category: string;
  score: number;
  box: [x: number, y: number, width: number, height: number];
}

const choose = (file: string) => page.setInputFiles('#file', join(folder, file));

/** Sets the slider to a score as a user does. */
const setLeast = (score: number) =>
  page.evaluate(`(() => {
    const slider = document.getElementById('least');
    slider.value = '${score}';
    slider.dispatchEvent(new Event('input'));
  })()`);

/** Returns the boxes that the page draws after `act`, of every score. */
async function boxesAfter(act: () => Promise<unknown>): Promise<Drawn[]> {
  await page.evaluate(`document.getElementById('count').textContent = ''`);
  await act();
  await page.waitForSelector('#found:not([hidden]) #count:not(:empty), #trouble:not(:empty)', { timeout: 60_000 });
  assert.equal(await page.textContent('#trouble'), '');
  await setLeast(leastScore);
  return page.evaluate(`[...document.querySelectorAll('#boxes g')].map((group) => ({
    category: group.dataset.category,
    score: Number(group.dataset.score),
    box: ['x', 'y', 'width', 'height'].map((name) => Number(group.querySelector('.line').getAttribute(name))),
  }))`);
}

/** The largest differences between the page's objects and the engine's: corners in pixels of the input, and scores. */
function differences(shown: readonly Drawn[], expected: readonly Detection[], scale: readonly [number, number]) {
  assert.equal(shown.length, expected.length);
  const apart = { pixels: 0, score: 0 };
  for (const { category, score, x, y, width, height } of expected) {
    const nearest = shown
      .filter((each) => each.category === `class ${category}`)
      .map(({ box, score: other }) => {
        const corners = [box[0] - x, box[1] - y, box[0] + box[2] - x - width, box[1] + box[3] - y - height];
        const pixels = corners.map((difference, index) => Math.abs(difference) * scale[index % 2 === 0 ? 1 : 0]);
        return { pixels: Math.max(...pixels), score: Math.abs(other - score) };
      })
      .reduce((best, each) => (each.pixels < best.pixels ? each : best));
    apart.pixels = Math.max(apart.pixels, nearest.pixels);
    apart.score = Math.max(apart.score, nearest.score);
  }
  return apart;
}

/** The values 0 to 255 that the page shows as what the network sees. */
async function seen(): Promise<number[]> {
  const rgba: number[] = await page.evaluate(`(() => {
    const canvas = document.getElementById('seen');
    return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
  })()`);
  return rgba.filter((_, index) => index % 4 !== 3);
}

for (const head of headNames) {
  test(`${head}: the page draws the engine's boxes and scores`, { skip }, async (t) => {
    const detector = detectors[head]!;
    const { input, framing } = detector.plan.settings;
    await choose(`${head}.onnx`);
    await page.waitForSelector(`#facts:has-text("${input.join(' × ')} pixels")`);
    const scores = new Set<number>();
    for (const file of Object.keys(pictures)) {
      const path = join(folder, file);
      const shown = await boxesAfter(() => choose(file));
      const { pixels, placement } = await framePicture(path, input, (size) => testPlacement(size, input, framing));
      const bytes = (await seen()).map((byte, index) => Math.abs(byte - pixels[index]!));
      const { detections } = await findObjects(detector, [path], { leastScore });
      const apart = differences(shown, detections, placement.scale);
      t.diagnostic(`${file}: ${shown.length} objects, ${JSON.stringify(apart)}, bytes ${Math.max(...bytes)}`);
      assert.equal(Math.max(...bytes), 0, file);
      assert.ok(apart.pixels <= 0.01 && apart.score <= 1e-4, `${file}: ${JSON.stringify(apart)}`);
      for (const { score } of shown) scores.add(score);
    }
    const spread = [Math.min(...scores), Math.max(...scores)] as const;
    assert.ok(scores.size > 50 && spread[0] < 0.2 && spread[1] > 0.5, `${scores.size} scores from ${spread}`);
  });
}

test('the slider hides boxes, labels and rows of lower scores, and says what is left', { skip }, async () => {
  const all = await boxesAfter(() => choose('wide.png'));
  const scores = all.map(({ score }) => score).sort((one, other) => other - one);
  const least = Math.ceil(100 * scores[Math.floor(scores.length / 2)]!) / 100;
  await setLeast(least);
  const expected = scores.filter((score) => score >= least).length;
  assert.ok(expected > 0 && expected < all.length);
  for (const selector of ['#boxes g', '#boxes .label', '#objects li'])
    assert.equal(await page.locator(selector).count(), expected, selector);
  assert.match((await page.textContent('#count'))!, new RegExp(`^${expected} objects?: class`));
  assert.equal(await page.textContent('#least-words'), `${Math.round(100 * least)}%`);
  await setLeast(0.99);
  assert.equal(await page.locator('#boxes g').count(), 0);
  const [best] = scores;
  assert.match(
    (await page.textContent('#count'))!,
    new RegExp(`^No object has a score of 99%; the best one has ${(100 * best!).toFixed(1)}%: class \\d\\.$`),
  );
});

test('the keyboard goes through the list, and the box of the focused object is highlighted', { skip }, async () => {
  await boxesAfter(() => choose('wide.png'));
  await page.focus('#objects button');
  const chosen = () =>
    page.evaluate(`['#boxes g', '#boxes .label', '#objects li'].map((selector) =>
      [...document.querySelectorAll(selector)].filter((each) => each.classList.contains('chosen'))
        .map((each) => each.dataset.object ?? String([...each.parentNode.children].indexOf(each))).join())`);
  assert.deepEqual(await chosen(), ['0', '0', '0']);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.deepEqual(await chosen(), ['2', '2', '2']);
  await page.keyboard.press('ArrowUp');
  assert.deepEqual(await chosen(), ['1', '1', '1']);
  await page.keyboard.press('Escape');
  assert.deepEqual(await chosen(), ['', '', '']);
});

test('every label lies within the picture, on wide and narrow screens', { skip }, async () => {
  for (const width of [1100, 375]) {
    await page.setViewportSize({ width, height: 800 });
    for (const file of ['wide.png', 'tall.png']) {
      await boxesAfter(() => choose(file));
      const outside: unknown[] = await page.evaluate(`(() => {
        const picture = document.getElementById('boxes').getBoundingClientRect();
        return [...document.querySelectorAll('#boxes .label')].map((label) => label.getBoundingClientRect())
          .filter((box) => box.width === 0 || box.left < picture.left - 0.5 || box.right > picture.right + 0.5 ||
            box.top < picture.top - 0.5 || box.bottom > picture.bottom + 0.5);
      })()`);
      assert.deepEqual(outside, [], `${file} at ${width}`);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    }
  }
  await page.setViewportSize({ width: 1100, height: 800 });
});

test('a classifier takes the detector’s place when it is dropped, and the other way round', { skip }, async () => {
  const dropped = (name: string) =>
    bringFile(page, 'drop', { name, type: '', bytes: readFileSync(join(folder, name)) });
  const before = await boxesAfter(() => choose('wide.png'));
  await dropped('classifier.onnx');
  await page.waitForSelector('#answers li');
  assert.equal(await page.locator('#boxes g').count(), 0);
  assert.equal(await page.isVisible('#found'), false);
  assert.deepEqual(await boxesAfter(() => dropped('fpn.onnx')), before);
  assert.equal(await page.locator('#answers li').count(), 0);
  await open('classifier.html', 'The five');
  await choose('wide.png');
  await page.waitForSelector('#answers li');
  assert.deepEqual(await boxesAfter(() => dropped('fpn.onnx')), before);
});

test('the page of a detector asks for nothing from outside, and nothing in it complains', { skip }, () => {
  const outside = requests.filter((url) => !/^(data|blob):/.test(url));
  assert.deepEqual(
    outside,
    ['page.html', 'classifier.html'].map((name) => pathToFileURL(join(folder, name)).href),
  );
  assert.deepEqual(complaints, []);
});
