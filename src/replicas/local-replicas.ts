// The other replicas of this machine: the same command again, each with a rank of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { LastLines, whenEnded } from '../workers/process-end.ts';

export interface LocalReplicas {
  /** The command that runs in this process: program and arguments. */
  command: string[];
  /** Ranks of the others, and the words that follow the command of each; where they meet follows as the last one. */
  replicas: { rank: number; words: string[] }[];
}

/** Whether this process is one of them: its parent prints, and handles Ctrl-C. */
export const isLocalReplica = (): boolean => process.send !== undefined;

/** Returns the command of this process. */
export const ownCommand = (): string[] => [process.execPath, ...process.execArgv, ...process.argv.slice(1)];

export class LocalProcesses {
  readonly #children = new Map<number, ChildProcess>();

  /** Starts them. @param onEnd called when one ends: 'was killed by SIGKILL', or its last words */
  start(
    { replicas, command: [program, ...common] }: LocalReplicas,
    rendezvous: string,
    onEnd: (rank: number, how: string) => void,
  ): void {
    for (const { rank, words } of replicas) {
      const all = [...common, ...words, rendezvous];
      const child = spawn(program!, all, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }); // it ends with the channel
      const lines = new LastLines();
      lines.read(child.stderr!);
      this.#children.set(rank, child);
      whenEnded(child, lines, (code, signal) => {
        this.#children.delete(rank);
        onEnd(rank, howEnded(code, signal, lines.all().at(-1)));
      });
    }
  }

  kill(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }

  /** Lets them end by themselves. */
  release(): void {
    for (const child of this.#children.values()) {
      child.unref();
      child.channel?.unref();
      child.stderr?.destroy();
    }
  }
}

function howEnded(code: number | null, signal: NodeJS.Signals | null, last = ''): string {
  if (signal) return `was killed by ${signal}`;
  return `ended with exit code ${code}${last && `: ${last.replace(/^nasnet: /, '')}`}`;
}
