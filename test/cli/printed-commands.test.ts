// Every command that the help texts and the documentation print is one that the command line accepts: its name, its
// flags and their values. The commands themselves are not run.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { joinBestOf } from '../../src/best-of.ts';
import { commands } from '../../src/cli/main.ts';

const root = resolve(import.meta.dirname, '../..');

/** Splits a line as a shell does, up to an explanation, a pipe, a redirection or the next command. */
function wordsOf(line: string): string[] {
  const shown = line.split(/ +(?:#|\||>|&&|2>)| {2,}/)[0]!;
  return [...shown.matchAll(/(?:"[^"]*"|'[^']*'|\S)+/g)].map(([word]) => word.replace(/["']/g, ''));
}

/** Codes of errors of a command that is mentioned without its arguments. */
const unfinished = [
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
];

/**
 * Parses a line without running its command. @returns why it is refused, or undefined
 * @param allowed codes of errors that do not count
 */
async function refusal(line: string, allowed: readonly string[]): Promise<string | undefined> {
  const words = joinBestOf(wordsOf(line).slice(1));
  const name = words[0]!;
  if (name.startsWith('-')) return undefined;
  if (!Object.hasOwn(commands, name)) return `no command is named ${name}`;
  const program = new Command().exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  await (await commands[name]!.load())(program, words);
  const silence = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
    if (command.commands.length === 0) command.action(() => {});
    command.commands.forEach(silence);
  };
  program.commands.forEach(silence);
  try {
    await program.parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    return code?.startsWith('commander.help') || allowed.includes(code ?? '') ? undefined : message;
  }
}

/** Returns the lines that are refused, with the reason. */
async function refused(lines: readonly string[], allowed: readonly string[] = []): Promise<string[]> {
  const all = await Promise.all(lines.map(async (line) => ({ line, why: await refusal(line, allowed) })));
  return all.filter(({ why }) => why !== undefined).map(({ line, why }) => `${line}: ${why}`);
}

/** Returns a command's help and those of its parts. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text + command.commands.map(helpOf).join('');
}

test('the examples of every help text are accepted', async () => {
  const examples: string[] = [];
  for (const [name, { load }] of Object.entries(commands)) {
    const program = new Command();
    await (await load())(program, [name]);
    const lines = helpOf(program.commands[0]!).split('\n');
    examples.push(...lines.map((line) => line.trim()).filter((line) => line.startsWith('nasnet ')));
  }
  assert.ok(examples.length > 40, `${examples.length} examples`);
  assert.deepEqual(await refused(examples), []);
});

/** Returns the commands of a page: lines of its examples, and those in its sentences. */
function commandsOf(page: string): string[] {
  const lines = page.replace(/\\\n\s*/g, '').split('\n');
  const typed = lines.map((line) => line.trim().replace(/^\$ /, ''));
  const mentioned = [...page.matchAll(/`((?:\.\/bin\/)?nasnet [a-z][^`\n]*)`/g)].map(([, command]) => command!);
  return [...typed, ...mentioned].filter((line) => /^(\.\/bin\/)?nasnet [a-z-]+( |$)/.test(line));
}

test('the commands of the documentation are accepted', async () => {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => join('docs', name))]
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(join(root, name), 'utf8'));
  // Capitals, "$", "…" and brackets stand for what a reader puts there.
  const whole = [...new Set(pages.flatMap(commandsOf))].filter((line) => !/[…[|$]|\b[A-Z]{3,}\b| N$|\.$/.test(line));
  assert.ok(whole.length > 60, `${whole.length} commands`);
  assert.deepEqual(await refused(whole, unfinished), []);
});
