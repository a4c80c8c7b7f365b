// The dashboard's page in real Chromium: every view on a study whose content is known, live while a search writes,
// steering, names that attack, requests that leave, and what a screen reader and a keyboard find.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { reportPage } from '../../src/dashboard/report-page.ts';
import { type Dashboard, serveDashboard } from '../../src/dashboard/server/server.ts';
import { startDashboard } from '../../src/dashboard/server/start-dashboard.ts';
import { viewerPage } from '../../src/dashboard/viewer-page.ts';
import type { Evaluate } from '../../src/experiment/evaluator.ts';
import { SearchControl } from '../../src/experiment/search-control.ts';
import { runSearch } from '../../src/experiment/search-loop.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { createStrategy } from '../../src/search/strategy.ts';
import { decode } from '../../src/space/decisions.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Study } from '../../src/study/study.ts';
import { percent } from '../../src/words.ts';
import {
  best,
  decisionsOf,
  hostile,
  isFailed,
  knownSettings,
  knownStudy,
  knownTrials,
  rewardOf,
} from './known-study.ts';

const program = '/usr/bin/chromium';
const skip = existsSync(program) ? false : `the page is tested in ${program}, which is not there (Debian: chromium)`;
const flags =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-dashboard-page-'));
const views = ['now', 'rewards', 'cells', 'controller', 'trade-offs', 'ladder', 'prediction', 'compare', 'final'];
const path = join(folder, 'known.db');

let browser: Browser;
let dashboard: Dashboard;
let page: Page;
const requests: string[] = [];
const complaints: string[] = [];

async function opened(url: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const fresh = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  fresh.on('request', (request) => requests.push(request.url()));
  fresh.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  fresh.on('pageerror', (error) => complaints.push(error.message));
  await fresh.goto(url);
  return fresh;
}

/** Waits until the page has all of its studies. */
const complete = (of: Page) => of.waitForSelector('#page[data-shows=all]', { state: 'attached' });

async function view(name: string, of = page): Promise<string> {
  await of.evaluate(`location.hash = '#/${name}'`);
  await of.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  return of.innerText('main');
}

before(async () => {
  if (skip) return;
  browser = await chromium.launch({ executablePath: program, args: flags.split(' ') });
  knownStudy(path).close();
  dashboard = await serveDashboard({ studies: [path] });
  page = await opened(dashboard.url);
  await complete(page);
});
after(async () => {
  await browser?.close();
  await dashboard?.close();
  rmSync(folder, { recursive: true });
});

test('now: the best at its highest rung, counts, workers', { skip }, async () => {
  const text = await view('now');
  assert.match(text, new RegExp(`Best reward\\s+${percent(rewardOf(best) + 0.05, 2)}\\s+trial ${best}, at rung 1`));
  assert.match(text, /Trials\s+60/);
  assert.match(text, /Failed\s+3/);
  assert.match(text, /on 2 workers/); // the known study's trials say worker 1 or 2
});

test('rewards: every trial with a reward is counted, and one is found by its number', { skip }, async () => {
  const text = await view('rewards');
  const rewards = [...Array(knownTrials).keys()].filter((trial) => !isFailed(trial)).map(rewardOf);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  assert.match(text, new RegExp(`All 60 trials: 57 rewards, mean ${percent(mean, 2)}`));
  await page.fill('[aria-label="Find trial by its number"]', '12');
  await page.press('[aria-label="Find trial by its number"]', 'Enter');
  await page.waitForSelector('section[aria-label="Trial 12"] dl');
  assert.match(await page.innerText('section[aria-label="Trial 12"]'), new RegExp(percent(rewardOf(12), 2)));
});

test('rewards: arrow keys walk from trial to trial, Enter opens one', { skip }, async () => {
  await view('rewards');
  await page.focus('[aria-roledescription="chart"]');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.match(await page.innerText('.plot [aria-live]'), /^trial 2: /); // ppo's are 0, 2, 4 …
  await page.keyboard.press('Enter');
  await page.waitForSelector('section[aria-label="Trial 2"]');
});

test('rewards: dragging enlarges a part, which the line below tells', { skip }, async () => {
  await view('rewards');
  const box = (await page.locator('.surface').first().boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 20, box.y + 200, { steps: 3 });
  await page.mouse.up();
  await page.waitForSelector('text=/^Trials [0-9]+ to [0-9]+: /');
  await page.keyboard.press('0');
});

test('cells: pictures of two trials, their differences and neighbours, as files to take', { skip }, async () => {
  const text = await view(`cells?a=${best}&b=3`);
  assert.equal(await page.locator('.cell svg').count(), 4);
  assert.match(text, /What differs/);
  assert.ok((await page.locator('.differs').count()) > 0);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download SVG >> nth=0')]);
  const svg = readFileSync((await download.path())!, 'utf8');
  assert.match(svg, /^<svg[^>]*xmlns/);
  await view('cells?a=5&b=5');
  assert.equal(await page.locator('.differs').count(), 0);
  assert.match(await page.innerText('main'), /Nothing: both are the same network/);
});

test('controller: the softmax of each update, entropies, the most probable cell', { skip }, async () => {
  const text = await view('controller');
  assert.match(text, /What the controller thinks/);
  await page.focus('[aria-roledescription="heat map"]');
  await page.keyboard.press('ArrowLeft');
  assert.match(await page.innerText('.heat .told'), /input 1, h_i: 83\.\d% at update 2/); // 1 − 1/3/2
  assert.match(text, /after update 3/);
  await page.selectOption('.toolbar select', '1');
  assert.match(await page.innerText('main'), /Family tree/);
});

test('trade-offs: the front, the table sorted and filtered, failures with their last lines', { skip }, async () => {
  await view('trade-offs');
  const rows = page.locator('.rows tbody tr:not(.space)');
  assert.match(await rows.first().innerText(), new RegExp(`^trial ${best}\\s`));
  await page.click('.rows thead button:has-text("trial")');
  assert.match(await rows.first().innerText(), /^trial 0\s/);
  await page.selectOption('.card:has(.rows) select', 'failed');
  assert.match(await page.innerText('main'), /3 of 60 trials/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('button:has-text("CSV")')]);
  const csv = readFileSync((await download.path())!, 'utf8');
  assert.deepEqual(
    csv
      .trim()
      .split('\r\n')
      .map((line) => line.split(',')[0]),
    ['trial', '11', '31', '51'],
  );
  await page.click('.failure summary >> nth=0');
  assert.match(await page.innerText('.failure pre >> nth=0'), /last line/);
});

test('ladder: who was promoted, and the race with its intervals', { skip }, async () => {
  const text = await view('ladder');
  assert.match(text, /rung\s+training\s+trained/);
  assert.match(text, /6, 1 at random/);
  assert.match(text, /The race of finalists/);
  assert.match(text, new RegExp(`trial ${best}[\\s\\S]*91\\.50%`)); // runs of 91% and 92%
});

test('prediction, compare and the final network say what the study says', { skip }, async () => {
  assert.match(await view('prediction'), /57 trials/);
  assert.match(await view('compare'), /ppo,evolution/);
  const final = await view('final');
  assert.match(final, /86\.42%/);
  assert.match(final, /network\.safetensors/);
  const matrix = await page.locator('.confusion tbody td').allInnerTexts();
  assert.deepEqual(matrix, ['450', '50', '86', '414']);
  await page.click('text=The pairs that are confused most');
  await page.waitForSelector('td:text-is("17.2%")'); // 86 of 500
});

test('names that attack are text', { skip }, async () => {
  for (const name of views) {
    const text = await view(name);
    assert.equal(await page.evaluate('globalThis.harmed'), undefined, name);
    assert.equal(await page.locator('main img').count(), 0, name);
    if (name === 'final') assert.ok(text.includes(hostile));
  }
  assert.ok((await page.innerText('.status')).includes(hostile));
});

test('every view is in order for axe, light and dark', { skip }, async () => {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(source);
    for (const name of [...views, `cells?a=${best}&b=3`, 'rewards?trial=11']) {
      await view(name);
      const { violations } = (await page.evaluate('axe.run()')) as {
        violations: { id: string; impact: string; nodes: { html: string }[] }[];
      };
      const found = violations.map(
        ({ id, impact, nodes }) => `${name}, ${colorScheme}: ${impact} ${id}: ${nodes[0]!.html}`,
      );
      assert.deepEqual(found, []);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
});

test('on a phone no view is wider than the screen', { skip }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const name of [...views, `cells?a=${best}&b=3`]) {
    await view(name);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, name);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('without its token the page says what is missing, and shows nothing', { skip }, async () => {
  for (const end of ['', '#t=00000000000000000000000000000000']) {
    const context = await browser.newContext();
    const stranger = await context.newPage();
    await stranger.goto(dashboard.url.replace(/#.*/, '') + end);
    await stranger.waitForSelector('text=needs the whole address');
    await context.close();
  }
});

test('a page follows a real search, and steers it', { skip }, async () => {
  const live = join(folder, 'live.db');
  const trials = 12;
  using study = Study.create(live, knownSettings({ trials, strategy: 'evolution', strategyOptions: {} }));
  using control = new SearchControl(live, { space: 'a', blocks: 5 });
  using served = await startDashboard({ studies: [live], control: true });
  const follower = await opened(served.url);
  await complete(follower);

  const waiting: (() => void)[] = [];
  const evaluate: Evaluate = ({ candidate: { decisions } }, progress) =>
    new Promise((done) => {
      progress.started({ worker: '1' });
      progress.epoch({ epoch: 1, accuracy: 0.3 });
      waiting.push(() => done({ reward: 0.4 + decisions[2]! / 100, seconds: 1 }));
    });
  const strategy = createStrategy('evolution', { blocks: 5, seed: 1 });
  const end = runSearch({ study, strategy, evaluate, trials, workers: 2, control, signal: control.signal });
  const release = (count: number) => {
    for (const done of waiting.splice(0, count)) done();
  };
  const says = (text: string) => follower.waitForSelector(`main >> text=${text}`);

  await says('0 of 12');
  await follower.waitForSelector('.card:has(h2:text("Children in training")) .plot'); // the first epochs
  release(3);
  await says('3 of 12');

  const cell = decode(sampleDecisions(new RandomStream('from the page')));
  await follower.click('summary:has-text("Try a cell next")');
  await follower.fill('textarea', printArchitecture(cell));
  await follower.click('button:has-text("Try it next")');
  await follower.fill('[aria-label="How many more trials"]', '3');
  await follower.click('button:has-text("Add")');
  await says('/ of 15$/');
  await follower.click('button:has-text("Pause")');
  await says('paused');
  await follower.click('button:has-text("Resume")');
  await says('searching');
  while (study.asked < 15) {
    release(waiting.length);
    await new Promise(setImmediate);
  }
  await follower.click('button:text-is("Stop")');
  await follower.click('button:has-text("Really stop")');
  assert.equal(await end, 'interrupted');
  const byHand = [...study.log.byHand];
  assert.equal(byHand.length, 1);
  assert.deepEqual(decode(study.trial(byHand[0]!)!.decisions), cell);
  await follower.close();
});

test('seven pages of one browser share a stream', { skip }, async () => {
  const context = await browser.newContext();
  const [first, ...others] = await Promise.all(
    Array.from({ length: 7 }, async () => {
      const each = await context.newPage();
      await each.goto(dashboard.url);
      await complete(each);
      return each;
    }),
  );
  assert.match(await others.at(-1)!.innerText('main'), /Best reward/);
  assert.match(await first!.innerText('main'), /Best reward/);
  await context.close();
});

test('a report shows the same offline, by double click', { skip }, async () => {
  const file = join(folder, 'explore.html');
  using kept = Study.open(path, { readOnly: true });
  writeFileSync(file, await reportPage(kept));
  const offline = await opened(pathToFileURL(file).href);
  await complete(offline);
  assert.match(await view('now', offline), new RegExp(`Best reward\\s+${percent(rewardOf(best) + 0.05, 2)}`));
  assert.match(await view('final', offline), /86\.42%/);
  await view(`rewards?trial=${best}`, offline);
  await offline.waitForSelector('section[aria-label^="Trial"] dl');
  await offline.close();
});

test('the viewer shows a study that is dropped on it, also one of an older version, and refuses others', {
  skip,
}, async () => {
  const file = join(folder, 'viewer.html');
  writeFileSync(file, await viewerPage());
  const viewer = await opened(pathToFileURL(file).href);
  const text = join(folder, 'text.db');
  writeFileSync(text, 'hello');
  await viewer.setInputFiles('input[type=file]', text);
  await viewer.waitForSelector('text=is not an SQLite database');
  const old = resolve(import.meta.dirname, '../../docs/experiments/figure-6-first.db.gz');
  await viewer.setInputFiles('input[type=file]', [path, old]);
  await complete(viewer);
  assert.match(await view('now', viewer), new RegExp(`Best reward\\s+${percent(rewardOf(best) + 0.05, 2)}`));
  assert.match(await view('compare', viewer), /figure-6-first[\s\S]*9,000/);
  assert.deepEqual(decisionsOf(best).length, 50);
  await viewer.close();
});

test('no page has asked another host or complained', { skip }, () => {
  const elsewhere = requests.filter((url) => !/^(http:\/\/127\.0\.0\.1:\d+\/|file:|data:|blob:)/.test(url));
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
});
