// `nasnet draw CELL|STUDY -o FILE.svg`: the cells as in the paper's Figure 4.

import { basename } from 'node:path';
import type { Command } from 'commander';
import { drawArchitecture } from '../draw/picture.ts';
import { type ArchitectureSource, parseArchitectureSource } from '../plan/model-name.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import { cellTitle } from '../space/named-cells.ts';
import { writeWhole } from '../whole-file.ts';
import { readArchitecture } from './flags/model-source.ts';

interface Flags {
  output: string;
  title?: string;
  overwrite?: boolean;
}

export function registerDraw(program: Command): void {
  program
    .command('draw')
    .description("the normal and the reduction cell as a picture like the paper's Figure 4")
    .argument('<cell>', 'nasnet-a, quick, FILE.json, STUDY.db (its best trial) or STUDY.db#TRIAL')
    .requiredOption('-o, --output <file>', 'SVG file to write; - for standard output')
    .option('--title <text>', 'heading of the picture (default: from the name)')
    .option('--overwrite', overwriteHelp)
    .action(async (name: string, { output, title, overwrite }: Flags) => {
      const source = parseArchitectureSource(name);
      const svg = drawArchitecture(await readArchitecture(source), { title: title ?? titleOf(source) });
      if (output === '-') return void process.stdout.write(svg);
      const inputs = 'path' in source ? [source.path] : [];
      const results = new ResultFiles({ of: `draw ${name}`, inputs, overwrite });
      results.claim(output);
      writeWhole(output, [svg]);
      results.keep();
    });
}

function titleOf(source: ArchitectureSource): string {
  if (source.kind === 'named') return cellTitle(source.name);
  const file = basename(source.path);
  if (source.kind === 'file') return file;
  return source.trial === undefined ? `${file}, best trial` : `${file}, trial ${source.trial}`;
}
