// A real redis-server on a free port of 127.0.0.1, which a test may kill and start again.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../src/replicas/free-port.ts';
import type { QueueServer } from '../../src/store/redis-connection.ts';

const installed = spawnSync('redis-server', ['--version']).status === 0;

/** The option `skip` of a test that needs the server. */
export const skip = installed ? false : 'redis-server is not installed (apt-get install redis-server)';

export class RedisServer implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'nasnet-redis-'));
  readonly port: number;
  readonly #words: string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, words: string[]) {
    this.port = port;
    this.#words = words;
  }

  /** @param words further settings, such as '--requirepass' and 'secret' */
  static async start(...words: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), words);
    await server.start();
    return server;
  }

  get address(): QueueServer {
    return { host: '127.0.0.1', port: this.port, tls: false, database: 0 };
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  async start(): Promise<void> {
    const common = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
    const child = spawn('redis-server', [...common, ...durable, ...this.#words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.includes('Ready to accept connections')) break;
    }
    if (!lines.at(-1)?.includes('Ready')) throw new Error(`redis-server did not start: ${lines.slice(-3).join(' ')}`);
    child.stdout.resume();
  }

  /** Kills the server; `forget`: with all its data. */
  async kill({ forget = false } = {}): Promise<void> {
    const child = this.#process!;
    this.#process = undefined;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    if (forget) rmSync(join(this.folder, 'appendonlydir'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
