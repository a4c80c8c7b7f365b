// `nasnet report STUDY -o DIR`: the page, the pictures and the architecture files of a study.

import type { Command } from 'commander';
import type { SearchSettings } from '../study/preset.ts';
import { Study } from '../study/study.ts';

export function registerReport(program: Command): void {
  program
    .command('report')
    .description('a study as one page with its curves, its best cells as pictures and architecture files')
    .argument('<study>', 'the study file, such as runs/laptop/study.db')
    .requiredOption('-o, --output <dir>', 'folder to write to')
    .option('--json', 'print the written files as one JSON document')
    .addHelpText('after', '\nExample:\n  nasnet report runs/laptop/study.db -o report')
    .action(async (path: string, { output, json }: { output: string; json?: boolean }) => {
      const { writeReport } = await import('../report/report.ts'); // with all that draws: not loaded by --help
      using study = Study.open<SearchSettings>(path, { readOnly: true });
      const files = writeReport(study, output);
      process.stdout.write(
        json ? `${JSON.stringify({ files }, null, 2)}\n` : files.map((file) => `${file}\n`).join(''),
      );
    });
}
