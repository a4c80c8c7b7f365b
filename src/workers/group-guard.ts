// Kills process groups when this process ends, even by kill -9: a small shell reads from a pipe whose other end only
// this process has open. The commands of a command pool run in their own groups, which would outlive the search
// otherwise.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** Reads lines "add GROUP" and "drop GROUP"; at the end of its input it kills the remaining groups. */
const script = `
groups=' '
while read -r verb group; do
  case $verb in
    add) groups="$groups$group " ;;
    drop) kept=' '; for one in $groups; do [ "$one" = "$group" ] || kept="$kept$one "; done; groups=$kept ;;
  esac
done
for one in $groups; do kill -9 "-$one" 2>/dev/null; done
`;

export class GroupGuard implements Disposable {
  readonly #shell: ChildProcess;

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#shell.on('error', () => {}); // without the shell only a kill -9 of this process leaves processes behind
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
    (this.#shell.stdin as Socket | null)?.unref();
  }

  add(group: number): void {
    this.#shell.stdin?.write(`add ${group}\n`);
  }

  drop(group: number): void {
    this.#shell.stdin?.write(`drop ${group}\n`);
  }

  [Symbol.dispose](): void {
    this.#shell.stdin?.end();
  }
}
