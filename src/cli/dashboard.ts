// `nasnet dashboard STUDY…`: the studies in a browser, live while a search writes them.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { InputError } from '../failure.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import { wholeNumber } from './flags/parsers.ts';

interface Flags {
  host: string;
  port?: number;
  allowHost: string[];
  control?: boolean;
  viewer?: string;
  overwrite?: boolean;
}

const loopback = '127.0.0.1';
const mostStudies = 50; // that a folder may have: each is held open
const deepest = 4; // folders below the one that is named

const examples = `
Examples:
  nasnet dashboard runs/laptop/study.db
  nasnet dashboard runs                          (every study in the folder)
  nasnet dashboard runs/laptop/study.db --control
  nasnet dashboard runs --host 0.0.0.0 --port 8080 --allow-host gpu-box
  nasnet dashboard --viewer viewer.html          (a page on which a study is dropped: no server)`;

export function registerDashboard(program: Command): void {
  program
    .command('dashboard')
    .description('studies in a browser: live beside a running search, or after it; prints the address')
    .argument('[study...]', 'study files, or folders of studies')
    .option('--host <address>', 'address to listen on; any other than this machine’s own is plain HTTP', loopback)
    .option('--port <n>', 'port to listen on (default: any free one)', portNumber)
    .option(
      '--allow-host <name>',
      'a further name under which the page is opened, such as this machine’s on the network; once or more',
      (name: string, others: string[]) => [...others, name],
      [],
    )
    .option('--control', 'let the page pause, resume, stop and extend the search, and name its next cell')
    .option('--viewer <file>', 'write a page that shows any study dropped on it, without a server')
    .option('--overwrite', overwriteHelp)
    .addHelpText('after', examples)
    .action(dashboard);
}

async function dashboard(paths: string[], flags: Flags): Promise<void> {
  if (flags.viewer !== undefined) return writeViewer(flags.viewer, paths, flags);
  if (paths.length === 0)
    throw new InputError('dashboard: expected one STUDY or more, or a folder of studies, such as runs/laptop/study.db');
  const studies = paths.flatMap(studiesAt);
  setFlagsFromString('--optimize-for-size'); // or garbage lies until the process has 200 MB
  setFlagsFromString('--max-semi-space-size=2');
  const { serveDashboard } = await import('../dashboard/server/server.ts'); // not loaded by --help
  const { host, port, allowHost: allowHosts, control } = flags;
  await using server = await serveDashboard({ studies, host, port, allowHosts, control });
  process.stdout.write(`${server.url}\n`);
  process.stderr.write(`${aboutWords(studies, flags)}\n`);
  await new Promise(() => {}); // until a signal ends the process: there is nothing to save
}

function portNumber(text: string): number {
  const port = wholeNumber('--port')(text);
  if (port <= 65_535) return port;
  throw new InputError(`--port: expected at most 65535, got ${text}`);
}

function aboutWords(studies: readonly string[], { host, control }: Flags): string {
  const what = studies.length === 1 ? studies[0] : `${studies.length} studies`;
  const steering = control ? ' The page can steer the search.' : '';
  const plain =
    host === loopback
      ? ''
      : ' Whoever can read the network can read it, too, for this is plain HTTP: `ssh -L` is safer.';
  return `Shows ${what}: open the address above, with all that follows the #.${steering}${plain} Ctrl-C ends it.`;
}

/** @throws InputError where there is none */
function studiesAt(path: string): string[] {
  if (!existsSync(path)) throw new InputError(`${path}: there is no such file or folder`);
  if (!statSync(path).isDirectory()) return [path];
  const found = studiesIn(path, deepest);
  if (found.length === 0) throw new InputError(`${path}: expected studies (*.db) in this folder, found none`);
  if (found.length > mostStudies)
    throw new InputError(`${path}: expected at most ${mostStudies} studies, found ${found.length}: name some of them`);
  return found;
}

function studiesIn(folder: string, depth: number): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => a.name.localeCompare(b.name));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return depth > 0 && entry.name !== 'node_modules' ? studiesIn(path, depth - 1) : [];
    return entry.name.endsWith('.db') ? [path] : [];
  });
}

async function writeViewer(file: string, paths: string[], { overwrite }: Flags): Promise<void> {
  if (paths.length > 0) throw new InputError(`--viewer: expected no STUDY with it, got ${paths.join(' ')}`);
  const { viewerPage } = await import('../dashboard/viewer-page.ts');
  const { writeWhole } = await import('../whole-file.ts');
  const results = new ResultFiles({ of: 'dashboard --viewer', overwrite });
  results.claim(file);
  writeWhole(file, [await viewerPage()]);
  results.keep();
  process.stdout.write(`${file}\n`);
}
