// Machines as network namespaces: each shares only a link with this one, which a test can cut without a word.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';

const ip = (...words: string[]) => spawnSync('ip', words, { encoding: 'utf8' });

function mustDo(...words: string[]): void {
  const { status, stderr } = ip(...words);
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
}

function areAllowed(): boolean {
  const name = `nasnet-${process.pid}-allowed`;
  const allowed = ip('netns', 'add', name).status === 0 && ip('-n', name, 'link', 'set', 'lo', 'up').status === 0;
  ip('netns', 'delete', name);
  return allowed;
}

/** The option `skip` of a test that needs them. */
export const skip = areAllowed() ? false : 'network namespaces cannot be made here (ip netns, as root)';

let count = 0;

export class Machine implements Disposable {
  readonly #name: string;
  readonly #link: string;
  /** The address of this machine on the link. */
  readonly here: string;

  constructor() {
    const number = ++count;
    this.#name = `nasnet-${process.pid}-${number}`;
    this.#link = `nn${process.pid}-${number}`;
    const subnet = `10.${200 + (number % 50)}.${process.pid % 250}`;
    this.here = `${subnet}.1`;
    const [name, link, far] = [this.#name, this.#link, `${this.#link}f`];
    mustDo('netns', 'add', name);
    mustDo('link', 'add', link, 'type', 'veth', 'peer', 'name', far, 'netns', name);
    mustDo('address', 'add', `${this.here}/30`, 'dev', link);
    mustDo('link', 'set', link, 'up');
    mustDo('-n', name, 'address', 'add', `${subnet}.2/30`, 'dev', far);
    mustDo('-n', name, 'link', 'set', far, 'up');
    mustDo('-n', name, 'link', 'set', 'lo', 'up');
  }

  /** Starts a process on it. */
  spawn(program: string, words: string[], options: SpawnOptions): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.#name, program, ...words], options);
  }

  /** From now on no packet arrives, and no connection ends. */
  cut(): void {
    mustDo('link', 'set', this.#link, 'down');
  }

  mend(): void {
    mustDo('link', 'set', this.#link, 'up');
  }

  [Symbol.dispose](): void {
    ip('link', 'delete', this.#link);
    ip('netns', 'delete', this.#name);
  }
}
