// `nasnet report STUDY -o DIR`: the page, the pictures and the architecture files of a study; `--figure 5`: the paper's plots of
// accuracy against cost, with the user's own models in them.

import { type Command, Option } from 'commander';
import { InputError } from '../failure.ts';
import type { SearchSettings } from '../study/preset.ts';

interface Flags {
  output: string;
  figure?: string;
  model: string[];
  json?: boolean;
}

const examples = `
Examples:
  nasnet report runs/laptop/study.db -o report
  nasnet report --figure 5 -o figures
  nasnet evaluate mine.safetensors ~/imagenet --json > mine.json && nasnet report --figure 5 --model mine.json -o figures
  nasnet report --figure 5 --model mine.safetensors=0.741 -o figures`;

export function registerReport(program: Command): void {
  program
    .command('report')
    .description('a study as one page with its curves, its best cells as pictures and architecture files')
    .argument('[study]', 'the study file, such as runs/laptop/study.db')
    .requiredOption('-o, --output <dir>', 'folder to write to')
    .addOption(
      new Option('--figure <n>', "in place of a study: the paper's Figure 5, accuracy against cost").choices(['5']),
    )
    .option(
      '--model <file>',
      "with --figure: a model of yours, evaluate's JSON or WEIGHTS.safetensors=ACCURACY; once or more",
      (text: string, others: string[]) => [...others, text],
      [],
    )
    .option('--json', 'print the written files as one JSON document')
    .addHelpText('after', examples)
    .action(async (path: string | undefined, flags: Flags) => {
      const files = flags.figure ? await writeFigure(path, flags) : await writeStudy(path, flags);
      process.stdout.write(
        flags.json ? `${JSON.stringify({ files }, null, 2)}\n` : files.map((file) => `${file}\n`).join(''),
      );
    });
}

async function writeStudy(path: string | undefined, { output, model }: Flags): Promise<string[]> {
  if (path === undefined) throw new InputError('report: expected a STUDY such as runs/laptop/study.db, or --figure 5');
  if (model.length > 0) throw new InputError('--model: expected --figure 5 beside it');
  const { writeReport } = await import('../report/report.ts'); // with all that draws: not loaded by --help
  const { Study } = await import('../study/study.ts');
  using study = Study.open<SearchSettings>(path, { readOnly: true });
  return writeReport(study, output);
}

async function writeFigure(path: string | undefined, { output, model }: Flags): Promise<string[]> {
  if (path !== undefined) throw new InputError(`--figure: expected no STUDY beside it, got ${path}`);
  const { writeFigure5 } = await import('../report/figure-5.ts');
  if (model.length === 0) return writeFigure5(output, []);
  const { readOwnModels } = await import('./figure-models.ts');
  return writeFigure5(output, readOwnModels(model));
}
