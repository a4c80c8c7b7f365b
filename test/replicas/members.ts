// Starts processes that join a training as its replicas, on this machine.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { freePort } from '../../src/replicas/free-port.ts';
import type { Machine } from '../cluster/machine.ts';

const join = resolve(import.meta.dirname, '../../src/replicas/join-replicas.ts');

export interface MemberOptions {
  rank: number;
  count: number;
  port: number;
  host?: string;
  training?: unknown;
  transports?: string[];
  patience?: { join?: number; silence?: number };
  advice?: string;
  /** The body of an async function of `replicas`, which returns plain data. */
  body: string;
  /** Where it runs. Default: on this machine. */
  machine?: Machine;
}

export interface MemberEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** The value that the body returned. */
  result: unknown;
}

export interface Member {
  process: ChildProcess;
  ended: Promise<MemberEnd>;
  /** Waits until it has written a line. */
  line(text: string): Promise<void>;
}

export function startMember({ body, machine, host = '127.0.0.1', port, ...options }: MemberOptions): Member {
  const script = `
    import { joinReplicas } from ${JSON.stringify(join)};
    const given = ${JSON.stringify({ training: {}, ...options })};
    const options = { ...given, place: ${JSON.stringify({ host, port })}, device: 'cpu', locals: { command: [], replicas: [] } };
    const { setThreads } = await import(${JSON.stringify(resolve(import.meta.dirname, '../../src/engine/machine.ts'))});
    setThreads(1);
    try {
      const replicas = await joinReplicas(options);
      const result = await (async () => { ${body} })();
      console.log('result ' + JSON.stringify(result ?? null));
      await replicas.leave();
    } catch (error) {
      console.error(error.name + ': ' + error.message);
      process.exit(1);
    }`;
  const words = ['--input-type=module', '-e', script];
  const piped: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'] };
  const child = machine?.spawn(process.execPath, words, piped) ?? spawn(process.execPath, words, piped);
  const said = { stdout: '', stderr: '' };
  const waiting: { text: string; done: () => void }[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      for (const each of waiting) if (said[name].includes(each.text)) each.done();
    });
  }
  const ended = new Promise<MemberEnd>((done) =>
    child.on('close', (code, signal) => {
      const [, result] = /^result (.*)$/m.exec(said.stdout) ?? [];
      done({ code, signal, ...said, result: result && JSON.parse(result) });
    }),
  );
  const line = (text: string) =>
    new Promise<void>((done) => (said.stdout.includes(text) ? done() : waiting.push({ text, done })));
  return { process: child, ended, line };
}

/** Runs the same body in `count` members and returns what each came to. */
export async function runMembers(
  count: number,
  options: Omit<MemberOptions, 'rank' | 'count' | 'port'>,
): Promise<MemberEnd[]> {
  const port = await freePort();
  const members = Array.from({ length: count }, (_, rank) => startMember({ ...options, rank, count, port }));
  return Promise.all(members.map(({ ended }) => ended));
}
