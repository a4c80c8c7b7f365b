// Measures reading a long study: seconds, processor time and memory of `show`, `report` and `show --trials`, each in
// its own process. Run: node bench/reading.ts [TRIALS]

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStrategy } from '../src/search/strategy.ts';
import { settingsOf } from '../src/study/presets.ts';
import { Study } from '../src/study/study.ts';
import { median } from './median.ts';

const trials = Number(process.argv[2] ?? 50_000);
const repeats = 3;
const folder = mkdtempSync(join(process.env.NASNET_BENCH_FOLDER ?? tmpdir(), 'nasnet-bench-'));
const path = join(folder, 'study.db');

/** Random cells of one epoch each, one in fifty failed. */
function longStudy(): void {
  using study = Study.create(path, settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random', trials }));
  const { log } = study;
  const strategy = createStrategy('random', { blocks: 5, seed: 1 });
  const add = (trial: number) => {
    log.ask(trial, strategy.ask(trial));
    log.start(trial);
    log.epoch(trial, { epoch: 1, loss: 2, accuracy: 0.1, imagesPerSecond: 800 });
    if (trial % 50 === 7) log.fail(trial, { kind: 'crash', message: 'ended by SIGSEGV' }, 1);
    else log.finish(trial, { reward: (trial * 0.6180339887) % 0.5, seconds: 10 });
    log.tell(trial);
  };
  for (let first = 0; first < trials; first += 1000)
    study.transaction(() => {
      for (let trial = first; trial < Math.min(first + 1000, trials); trial++) add(trial);
    });
}

/** Prints the costs of its process when it ends. */
const telling =
  'data:text/javascript,process.on("exit",()=>process.stderr.write("\\n"+JSON.stringify(process.resourceUsage())))';

function measure(...command: string[]): { wall: number; processor: number; memory: number } {
  const begun = performance.now();
  const main = join(import.meta.dirname, '../bin/nasnet');
  const options = { encoding: 'utf8', maxBuffer: 2 ** 30 } as const;
  const { status, stderr } = spawnSync(process.execPath, ['--import', telling, main, ...command], options);
  if (status !== 0) throw new Error(stderr);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(stderr.slice(stderr.lastIndexOf('\n')));
  return {
    wall: (performance.now() - begun) / 1000,
    processor: (userCPUTime + systemCPUTime) / 1e6,
    memory: maxRSS / 1024,
  };
}

longStudy();
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}`);
console.log(`${trials} trials, ${(statSync(path).size / 1e6).toFixed(0)} MB; medians of ${repeats}`);
for (const command of [
  ['show', path],
  ['report', path, '-o', join(folder, 'report')],
  ['show', path, '--trials', '--format', 'csv'],
  ['show', path, '--trials', '--format', 'json'],
]) {
  const runs = Array.from({ length: repeats }, () => measure(...command));
  const of = (what: 'wall' | 'processor' | 'memory', digits: number) =>
    median(runs.map((run) => run[what])).toFixed(digits);
  const words = command.map((word) => (word.startsWith(folder) ? word.slice(folder.length + 1) : word)).join(' ');
  console.log(`${words}: ${of('wall', 2)} s, ${of('processor', 2)} s of processor time, ${of('memory', 0)} MB`);
}
rmSync(folder, { recursive: true });
