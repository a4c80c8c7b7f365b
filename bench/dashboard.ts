// Measures the dashboard on a study of 30,000 trials of 20 epochs in Chromium: the first picture, what is sent before
// it, an update from commit to frame, frames while zooming and scrolling, memory of server and page, the size of the
// code; and what twenty open pages cost a search.
//   node bench/dashboard.ts [--trials 30000] [--keep FILE] [--only page|slowing] [--repeat 3]

import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';
import { pageParts } from '../src/dashboard/server/page-files.ts';
import { smallProcess } from '../src/dashboard/server/start-dashboard.ts';
import type { Evaluate } from '../src/experiment/evaluator.ts';
import { runSearch } from '../src/experiment/search-loop.ts';
import { RandomStream } from '../src/random/stream.ts';
import { createStrategy } from '../src/search/strategy.ts';
import { sampleDecisions } from '../src/space/sample.ts';
import { settingsOf } from '../src/study/presets.ts';
import type { SearchSettings } from '../src/study/settings.ts';
import { Study } from '../src/study/study.ts';

const { values: flags } = parseArgs({
  options: {
    trials: { type: 'string', default: '30000' },
    keep: { type: 'string' },
    pages: { type: 'string', default: '20' },
    only: { type: 'string' }, // page, slowing
    repeat: { type: 'string', default: '3' },
  },
});
const trials = Number(flags.trials);
const epochs = 20;
const folder = mkdtempSync(join(process.env.NASNET_BENCH_FOLDER ?? tmpdir(), 'nasnet-dashboard-bench-'));
const path = flags.keep ?? join(folder, 'large.db');
const tell = (what: string, figure: string) => process.stdout.write(`${what.padEnd(46)} ${figure}\n`);
const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1]!;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

/** Rewards that rise as a controller learns, with the noise of real ones. */
function rewardOf(trial: number, random: RandomStream): number {
  const learned = 0.18 * (1 - Math.exp(-trial / 6000));
  return Math.min(0.98, 0.62 + learned + 0.05 * (random.uniform() + random.uniform() - 1));
}

function addTrial(study: Study<SearchSettings>, trial: number): void {
  const random = new RandomStream(`trial ${trial}`);
  const decisions = sampleDecisions(random);
  study.log.ask(trial, decisions);
  study.log.start(trial, { worker: String(1 + (trial % 8)), predicted: 90 + 20 * random.uniform() });
  const reward = Math.round(5000 * rewardOf(trial, random)) / 5000;
  for (let epoch = 1; epoch <= epochs; epoch++)
    study.log.epoch(trial, {
      epoch,
      loss: 2.3 / epoch,
      accuracy: reward * (1 - Math.exp(-epoch / 4)),
      imagesPerSecond: 900,
    });
  if (trial % 97 === 13) study.log.fail(trial, { kind: 'out-of-memory', message: 'CUDA out of memory' }, 3);
  else {
    const details = {
      trainableParameters: Math.round(4e5 + 6e5 * random.uniform()),
      multiplyAdds: Math.round(2e7 + 6e7 * random.uniform()),
      peakMemory: Math.round(4e8 + 2e8 * random.uniform()),
    };
    study.log.finish(trial, { reward, seconds: 80 + 40 * random.uniform(), details });
  }
  study.log.tell(trial);
  if (trial % 20 !== 19) return;
  const update = (trial + 1) / 20;
  const probabilities = Array.from({ length: 50 }, (_, index) =>
    index % 5 < 2 || index % 5 === 4 ? [0.6, 0.4] : Array<number>(13).fill(1 / 13),
  );
  study.log.update(trial, { update, baseline: reward, entropy: 80 * Math.exp(-update / 500), kl: 0.01 });
  study.log.policy(trial, { update, probabilities });
}

function makeStudy(): void {
  if (existsSync(path)) return;
  const start = performance.now();
  using study = Study.create(
    path,
    settingsOf('paper', { dataset: 'cifar10', seed: 1, strategy: 'ppo', trials: trials + 2000 }),
  );
  for (let from = 0; from < trials; from += 500)
    study.transaction(() => {
      for (let trial = from; trial < Math.min(trials, from + 500); trial++) addTrial(study, trial);
    });
  tell('the study: made in', `${((performance.now() - start) / 1000).toFixed(1)} s`);
}

interface Served extends Disposable {
  url: string;
  /** Resident bytes. */
  memory(): number;
  /** Seconds of the processor so far. */
  processor(): number;
}

/** The server in a process of its own, as a search starts it. */
async function serve(study: string): Promise<Served> {
  const child = fork(new URL('../src/dashboard/server/dashboard-child.ts', import.meta.url), smallProcess);
  child.send({ studies: [study] });
  const [{ url }] = await new Promise<[{ url: string }]>((done) =>
    child.once('message', (message) => done([message as { url: string }])),
  );
  const status = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  return {
    url,
    memory: () => 1024 * Number(/VmRSS:\s+(\d+)/.exec(status('status'))![1]),
    processor: () => {
      const fields = status('stat').split(') ')[1]!.split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    [Symbol.dispose]: () => void child.kill(),
  };
}

async function openPage(
  browser: Browser,
  url: string,
): Promise<{ page: Page; protocol: CDPSession; bytes: () => number }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const protocol = await context.newCDPSession(page);
  let bytes = 0;
  await protocol.send('Network.enable');
  protocol.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(url, { waitUntil: 'commit' });
  return { page, protocol, bytes: () => bytes };
}

async function measureOpening(browser: Browser, url: string): Promise<void> {
  const [times, all, sent]: [number[], number[], number[]] = [[], [], []];
  for (let repetition = 0; repetition < 5; repetition++) {
    const { page, bytes } = await openPage(browser, url);
    await page.waitForSelector('#page[data-shows]', { state: 'attached' });
    sent.push(bytes());
    times.push(await page.evaluate(`performance.getEntriesByName('first-picture')[0].startTime`));
    await page.waitForSelector('#page[data-shows=all]', { state: 'attached' });
    all.push(await page.evaluate(`performance.getEntriesByName('complete')[0].startTime`));
    await page.context().close();
  }
  tell('first picture', `${median(times).toFixed(0)} ms (${times.map((time) => time.toFixed(0)).join(', ')})`);
  tell('sent before it', `${(median(sent) / 1000).toFixed(0)} kB`);
  tell('all columns, course, attempts', `${median(all).toFixed(0)} ms`);
}

/** From a commit to the frame that shows it. */
async function measureUpdates(page: Page): Promise<void> {
  await page.evaluate(`location.hash = '#/now'`);
  await page.evaluate(`globalThis.seen = []; (() => {
    let before = '';
    const look = () => {
      const now = document.querySelector('.tile:nth-child(2) .value')?.textContent ?? '';
      if (now !== before) globalThis.seen.push([now, Date.now()]);
      before = now;
      requestAnimationFrame(look);
    };
    look();
  })()`);
  const committed = new Map<string, number>();
  using study = Study.open(path, { parse: (json) => json as SearchSettings });
  const { done, failed } = study.summary().trials;
  for (let more = 0; more < 20; more++) {
    const trial = study.asked;
    study.transaction(() => addTrial(study, trial));
    committed.set(`${(done + failed + more + 1).toLocaleString('en-US')} of`, Date.now());
    await new Promise((next) => setTimeout(next, 400));
  }
  const seen = (await page.evaluate('globalThis.seen')) as [string, number][];
  const delays = [...committed].flatMap(([text, at]) => {
    const shown = seen.find(([words]) => words.startsWith(text));
    return shown ? [shown[1] - at] : [];
  });
  tell(
    'update, commit to frame',
    `${median(delays)} ms (at most ${Math.max(...delays)} ms, ${delays.length} of ${committed.size} seen)`,
  );
}

const countFrames = (milliseconds: number, step: string) => `new Promise((done) => {
  const frames = [];
  let last = performance.now();
  const start = last;
  const frame = (now) => {
    frames.push(now - last);
    last = now;
    ${step}
    if (now - start < ${milliseconds}) requestAnimationFrame(frame);
    else done(frames.slice(1));
  };
  requestAnimationFrame(frame);
})`;

/** Milliseconds that the page's main thread computes for each frame, however busy the machine is. */
async function computing(
  protocol: CDPSession,
  work: () => Promise<number[]>,
): Promise<{ frames: number[]; each: number }> {
  const spent = async () => {
    const { metrics } = await protocol.send('Performance.getMetrics');
    return 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const before = await spent();
  const frames = await work();
  return { frames, each: ((await spent()) - before) / frames.length };
}

async function measureFrames(page: Page, protocol: CDPSession): Promise<void> {
  await protocol.send('Performance.enable', { timeDomain: 'threadTicks' });
  const idle = (await page.evaluate(countFrames(1500, ''))) as number[];
  await page.evaluate(`location.hash = '#/rewards'`);
  await page.waitForSelector('.surface canvas');
  const zoom = `document.querySelector('.surface').dispatchEvent(new WheelEvent('wheel', {
    deltaY: Math.floor((now - start) / 400) % 2 === 0 ? -30 : 30, ctrlKey: true, cancelable: true, bubbles: true,
    clientX: 700, clientY: 350 }));`;
  const zooming = await computing(protocol, () => page.evaluate(countFrames(3000, zoom)));
  await page.evaluate(`location.hash = '#/trade-offs'`);
  await page.waitForSelector('.rows');
  const scroll = `document.querySelector('.rows').scrollTop += 400;`;
  const scrolling = await computing(protocol, () => page.evaluate(countFrames(3000, scroll)));
  const rate = (frames: number[]) =>
    `${(1000 / (frames.reduce((sum, each) => sum + each, 0) / frames.length)).toFixed(0)} frames/s, slowest ${Math.max(...frames).toFixed(0)} ms`;
  tell('nothing happens', rate(idle));
  tell('zooming 30,000 rewards', `${rate(zooming.frames)}; ${zooming.each.toFixed(1)} ms of the main thread a frame`);
  tell(
    'scrolling the table of trials',
    `${rate(scrolling.frames)}; ${scrolling.each.toFixed(1)} ms of the main thread a frame`,
  );
}

async function measureMemory(page: Page, protocol: CDPSession): Promise<void> {
  await page.evaluate(`location.hash = '#/rewards'`);
  await protocol.send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize } = (await protocol.send('Runtime.getHeapUsage')) as {
    usedSize: number;
    backingStorageSize?: number;
  };
  tell('page: JavaScript heap with its columns', megabytes(usedSize + (backingStorageSize ?? 0)));
}

async function measureCode(): Promise<void> {
  const { script, style } = await pageParts();
  const size = (text: string) => {
    const brotli = brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
    return `${(text.length / 1000).toFixed(0)} kB, ${(brotli.length / 1000).toFixed(1)} kB brotli, ${(gzipSync(text, { level: 4 }).length / 1000).toFixed(1)} kB gzip`;
  };
  tell('script', size(script));
  tell('style sheet', size(style));
}

/** A search whose trials compute for 400 ms each in this process, as two workers' outcomes may come. */
async function searchFor(name: string, count: number): Promise<{ seconds: number; processor: number }> {
  using study = Study.create(
    join(folder, name),
    settingsOf('micro', { dataset: 'cifar10', seed: 1, strategy: 'random', trials: count }),
  );
  const compute: Evaluate = async ({ number }, progress) => {
    progress.started({ worker: '1' });
    const until = process.cpuUsage().user + 400_000;
    while (process.cpuUsage().user < until);
    return { reward: (number * 0.618) % 1, seconds: 0.4 };
  };
  const [start, used] = [performance.now(), process.cpuUsage()];
  await runSearch({
    study,
    strategy: createStrategy('random', { blocks: 5, seed: 1 }),
    evaluate: compute,
    trials: count,
    workers: 1,
  });
  const { user, system } = process.cpuUsage(used);
  return { seconds: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

async function measureSlowing(browser: Browser): Promise<void> {
  const count = 25;
  const costs: { alone: number[]; watched: number[]; server: number[] } = { alone: [], watched: [], server: [] };
  for (let repetition = 0; repetition < Number(flags.repeat); repetition++) {
    costs.alone.push((await searchFor(`alone-${repetition}.db`, count)).processor);
    const watched = `watched-${repetition}.db`;
    Study.create(
      join(folder, watched),
      settingsOf('micro', { dataset: 'cifar10', seed: 1, strategy: 'random', trials: count }),
    ).close();
    using served = await serve(join(folder, watched));
    const context = await browser.newContext();
    const pages = await Promise.all(Array.from({ length: Number(flags.pages) }, () => context.newPage()));
    for (const page of pages) await page.goto(served.url);
    for (const page of pages) await page.waitForSelector('#page[data-shows=all]', { state: 'attached' });
    rmSync(join(folder, watched));
    const before = served.processor();
    const { seconds, processor } = await searchFor(watched, count);
    costs.watched.push(processor);
    costs.server.push((served.processor() - before) / seconds);
    await context.close();
  }
  const [alone, watched] = [median(costs.alone), median(costs.watched)];
  tell(
    `a search with ${flags.pages} pages open: its own processor time`,
    `${(100 * (watched / alone - 1)).toFixed(2)}% more (${alone.toFixed(2)} s and ${watched.toFixed(2)} s for ${count} trials)`,
  );
  tell('the server meanwhile', `${(100 * median(costs.server)).toFixed(1)}% of a core`);
}

async function measurePage(browser: Browser): Promise<void> {
  makeStudy();
  using served = await serve(path);
  tell('server at start', megabytes(served.memory()));
  await measureOpening(browser, served.url);
  const { page, protocol } = await openPage(browser, served.url);
  await page.waitForSelector('#page[data-shows=all]', { state: 'attached' });
  tell('server after six pages', megabytes(served.memory()));
  await measureFrames(page, protocol);
  await measureUpdates(page);
  await measureMemory(page, protocol);
  tell('server at the end', megabytes(served.memory()));
  await page.context().close();
}

await measureCode();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: '--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking'.split(' '),
});
try {
  if (flags.only !== 'slowing') await measurePage(browser);
  if (flags.only !== 'page') await measureSlowing(browser);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
