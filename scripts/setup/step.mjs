// A step of the set-up: its output, the commands that it runs, and its failures. The other files of this folder have
// the steps.
import { spawn } from 'node:child_process';

/** A failed step, told so that the user can act: the step, the command, its last lines, and what to do. */
export class SetupFailure extends Error {
  /**
   * @param {string} reason one sentence
   * @param {{ command?: string, lastLines?: string[], advice?: string | undefined, exitCode?: number }} [details]
   */
  constructor(reason, details = {}) {
    super(reason);
    this.name = 'SetupFailure';
    this.reason = reason;
    this.command = details.command;
    this.lastLines = details.lastLines ?? [];
    this.advice = details.advice;
    /** 2 where the user gave something that cannot be used, else 1. */
    this.exitCode = details.exitCode ?? 1;
    /** @type {string | undefined} */
    this.step = undefined;
  }

  /** The whole story in a few lines. */
  describe() {
    const lines = [`set-up stopped at ${this.step ?? 'its start'}: ${this.reason}`];
    if (this.command) lines.push(`  command: ${this.command}`);
    if (this.lastLines.length > 0) lines.push('  its last lines:', ...this.lastLines.map((line) => `    ${line}`));
    lines.push(`  what to do: ${this.advice ?? 'see the lines above'}; running the same command again continues here.`);
    return lines.join('\n');
  }
}

/** Prints one line per step on stderr. Quiet about what is in place until something had to be done. */
export class Report {
  /** @param {{ write?: (text: string) => void, quiet?: boolean }} [options] quiet: say nothing while nothing is done */
  constructor(options = {}) {
    this.write = options.write ?? ((text) => process.stderr.write(text));
    /** @type {string[]} */
    this.held = [];
    this.quiet = options.quiet ?? false;
  }

  /** A step that found its work done. @param {string} name @param {string} why */
  skipped(name, why) {
    const line = `  ${name.padEnd(9)} ${why}; skipped\n`;
    if (this.quiet) this.held.push(line);
    else this.write(line);
  }

  /** A remark between steps. @param {string} text */
  note(text) {
    this.speak();
    this.write(`  ${text}\n`);
  }

  /**
   * Runs one step: says what it does, then how long it took and what came of it.
   * @template T
   * @param {string} name
   * @param {string} doing
   * @param {(progress: (done: number, all: number) => void) => Promise<T & { said?: string }>} work is given what shows
   * how far it is
   */
  async step(name, doing, work) {
    this.speak();
    this.write(`  ${name.padEnd(9)} ${doing} … `);
    const start = performance.now();
    try {
      const result = await work((done, all) => this.progress(done, all));
      const said = result?.said ? `, ${result.said}` : '';
      this.write(`${seconds(performance.now() - start)}${said}\n`);
      return result;
    } catch (error) {
      this.write(`failed after ${seconds(performance.now() - start)}\n`);
      if (error instanceof SetupFailure) error.step ??= name;
      throw error;
    }
  }

  /** How far a long step is, in its line: "5 of 20 … ". @param {number} done @param {number} all */
  progress(done, all) {
    if (done < all) this.write(`${done} of ${all} … `);
  }

  speak() {
    if (!this.quiet) return;
    this.quiet = false;
    this.write('nasnet: setting up what is missing\n');
    for (const line of this.held.splice(0)) this.write(line);
  }
}

/**
 * Children now running, so that a signal to the set-up reaches them. @type
 * {Set<import('node:child_process').ChildProcess>}
 */
const running = new Set();

/**
 * Runs a command with no terminal input and returns all that it printed.
 * @param {string} command
 * @param {string[]} parameters
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, advice?: string, telling?: (output: string) => string }} [options]
 * telling: the part of the output that tells what went wrong; all of it by default
 * @returns {Promise<string>} stdout and stderr in the order they came
 * @throws {SetupFailure} with the command and its last lines
 */
export function run(command, parameters, options = {}) {
  return new Promise((resolve, reject) => {
    if (stopping) return reject(new SetupFailure('told to stop'));
    const child = spawn(command, parameters, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const fail = (/** @type {string} */ reason) =>
      reject(
        new SetupFailure(reason, {
          command: [command, ...parameters].join(' '),
          lastLines: lastLines(options.telling?.(output) ?? output),
          advice: options.advice,
        }),
      );
    child.on('error', (error) => {
      running.delete(child);
      fail(`${command} could not be started (${error.message})`);
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      if (code === 0) resolve(output);
      else fail(`${command} ${signal ? `was ended by ${signal}` : `ended with exit code ${code}`}`);
    });
  });
}

let stopping = false;

/** Ends the children of a set-up that was told to stop, and starts no more. @param {NodeJS.Signals} signal */
export function stopCommands(signal) {
  stopping = true;
  for (const child of running) child.kill(signal);
}

/** The last lines that say something. @param {string} output @param {number} count */
export function lastLines(output, count = 20) {
  return output
    .split(/\r?\n|\r/)
    .filter((line) => line.trim() !== '')
    .slice(-count);
}

/** @param {number} milliseconds */
export function seconds(milliseconds) {
  return milliseconds < 59_950
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.floor(Math.round(milliseconds / 1000) / 60)} min ${Math.round(milliseconds / 1000) % 60} s`;
}
