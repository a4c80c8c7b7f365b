// The command line: reads the words, loads the command they name, and turns what it throws into one sentence and an exit code.
// Each command's file is loaded only when it is called for, so that `--help` and plain-data commands start at once.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { Failure, InputError, Interruption } from '../failure.ts';

/** Exit codes (docs/command-line.md): 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted with the state saved. */
const exitCodes = { done: 0, failed: 1, badInput: 2, interrupted: 130 } as const;

const commands = {
  search: async () => (await import('./search.ts')).registerSearch,
  show: async () => (await import('./show.ts')).registerShow,
  report: async () => (await import('./report.ts')).registerReport,
  evaluate: async () => (await import('./evaluate.ts')).registerEvaluate,
  train: async () => (await import('./train.ts')).registerTrain,
  profile: async () => (await import('./profile.ts')).registerProfile,
  draw: async () => (await import('./draw.ts')).registerDraw,
  doctor: async () => (await import('./doctor.ts')).registerDoctor,
};

/** Runs one command line, `words` without the program's name, and returns the exit code. bin/nasnet calls it. */
export async function main(words: string[]): Promise<number> {
  const program = new Command('nasnet')
    .description('Neural architecture search for images: finds convolutional cells and builds networks from them.')
    .version(packageVersion())
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      '\nStart here: nasnet search            (CIFAR-10, about six minutes on two cores)\nEach command explains itself: nasnet COMMAND --help',
    )
    .exitOverride();
  const named = words.find((word) => word in commands) as keyof typeof commands | undefined;
  for (const load of named ? [commands[named]] : Object.values(commands)) (await load())(program);
  try {
    await program.parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
  if (error instanceof Interruption) return say(error.message, exitCodes.interrupted);
  if (error instanceof InputError) return say(error.message, exitCodes.badInput);
  if (error instanceof Failure) return say(error.message, exitCodes.failed);
  return say(error instanceof Error ? (error.stack ?? error.message) : String(error), exitCodes.failed);
}

function say(sentence: string, code: number): number {
  process.stderr.write(`nasnet: ${sentence}\n`);
  return code;
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
