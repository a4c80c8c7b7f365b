// The evaluator of evaluator.ts as a command that speaks the protocol of docs/evaluator.md: results and messages travel as details.

import { createInterface } from 'node:readline';
import { start, type TestJob } from './evaluator.ts';

const write = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const evaluate = await start(null, undefined);
const running = new Map<number, AbortController>();

createInterface({ input: process.stdin }).on('line', (text) => {
  const line = JSON.parse(text);
  if ('hello' in line) write({ hello: { protocol: 1 } });
  else if ('cancel' in line) running.get(line.cancel)?.abort(new Error('cancelled'));
  else void work(line);
});

async function work({ id, ...job }: { id: number } & TestJob): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const report = (details: unknown) => write({ id, epoch: { epoch: 1, details } });
    const result = await evaluate(job, report, controller.signal);
    write({ id, reward: 0.5, details: result });
  } catch (error) {
    const { kind, message } = error as Error & { kind?: string };
    write({ id, failure: { kind, message } });
  }
}
