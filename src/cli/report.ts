// `nasnet report STUDY -o DIR`: writes the page, pictures and architecture files of a study; `--figure 5`: the paper's
// plots of accuracy against cost, with the user's models; `--figure 6`: the progress of strategies.

import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError } from '../failure.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import type { Study } from '../study/study.ts';
import { printDocument, printWords } from './terminal/answer.ts';

interface Flags {
  output: string;
  figure?: '5' | '6';
  model: string[];
  overwrite?: boolean;
  json?: boolean;
}

/** All pictures of the dashboard, by double click. */
const exploreName = 'explore.html';

const examples = `
Examples:
  nasnet report runs/laptop/study.db -o report
  nasnet report runs/both/study.db --figure 6 -o figures
  nasnet report --figure 5 -o figures
  nasnet evaluate mine.safetensors ~/imagenet --json > mine.json && nasnet report --figure 5 --model mine.json -o figures
  nasnet report --figure 5 --model mine.safetensors=0.741 -o figures`;

export function registerReport(program: Command): void {
  program
    .command('report')
    .description(
      'a study as one page with its curves, its best cells as pictures and architecture files, and as a page to explore',
    )
    .argument('[study...]', 'the study file, such as runs/laptop/study.db; with --figure 6 one or more')
    .requiredOption('-o, --output <dir>', 'folder to write to')
    .addOption(
      new Option(
        '--figure <n>',
        "the paper's Figure 5, accuracy against cost, without a study; or 6, the best cells of each strategy against sampled cells",
      ).choices(['5', '6']),
    )
    .option(
      '--model <file>',
      "with --figure 5: your model, evaluate's JSON or WEIGHTS.safetensors=ACCURACY; can be repeated",
      (text: string, others: string[]) => [...others, text],
      [],
    )
    .option('--overwrite', overwriteHelp)
    .option('--json', 'print the written files as one JSON document')
    .addHelpText('after', examples)
    .action(async (paths: string[], flags: Flags) => {
      if (flags.model.length > 0 && flags.figure !== '5') throw new InputError('--model: expected --figure 5 with it');
      const write = { 5: writeFigure5, 6: writeFigure6, study: writeStudy }[flags.figure ?? 'study'];
      const { files, sentences = [] } = await write(paths, flags);
      const words = [...files, ...sentences].map((line) => `${line}\n`).join('');
      if (flags.json) printDocument({ files, said: sentences });
      else printWords(words);
    });
}

/** The written files, and sentences about them. */
interface Written {
  files: string[];
  sentences?: string[];
}

async function writeStudy(paths: string[], { output, overwrite }: Flags): Promise<Written> {
  const [path] = paths;
  if (path === undefined || paths.length > 1) {
    throw new InputError(`report: expected one STUDY such as runs/laptop/study.db, got ${paths.length}`);
  }
  const { writeReport } = await import('../report/report-files.ts'); // not loaded by --help
  const { openSearch } = await import('../study/parse-settings.ts');
  const { resultFilesOf } = await import('./study-results.ts');
  using study = openSearch(path, { readOnly: true });
  const results = resultFilesOf(study, output, overwrite);
  results.check(join(output, exploreName));
  const files = writeReport(study, output, results);
  return { files: [...files, await writeExplorePage(study, join(output, exploreName), results)] };
}

/** The dashboard's page of the study as a file. */
async function writeExplorePage(
  study: Pick<Study, 'path' | 'rows'>,
  file: string,
  results: ResultFiles,
): Promise<string> {
  const { reportPage } = await import('../dashboard/report-page.ts');
  const { writeWhole } = await import('../whole-file.ts');
  results.claim(file);
  writeWhole(file, [await reportPage(study)]);
  results.keep();
  return file;
}

async function writeFigure5(paths: string[], { output, model, overwrite }: Flags): Promise<Written> {
  if (paths.length > 0) throw new InputError(`--figure 5: expected no STUDY with it, got ${paths.join(' ')}`);
  const { writeFigure5: write } = await import('../report/figures/cost.ts');
  const results = new ResultFiles({ of: 'report --figure 5', overwrite });
  if (model.length === 0) return { files: write(output, [], results) };
  const { readOwnModels } = await import('./figure-models.ts');
  const { models, remarks } = readOwnModels(model);
  return { files: write(output, models, results), sentences: remarks };
}

async function writeFigure6(paths: string[], { output, overwrite }: Flags): Promise<Written> {
  if (paths.length === 0) throw new InputError('--figure 6: expected one STUDY or more, got none');
  const { writeFigure6: write } = await import('../report/figures/search-progress-files.ts');
  const of = `report --figure 6 ${paths.map((path) => resolve(path)).join(' ')}`;
  return write(paths, output, new ResultFiles({ of, inputs: paths, overwrite }));
}
