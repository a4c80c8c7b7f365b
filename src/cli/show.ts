// `nasnet show STUDY`: prints the results of a study, during the search or after it.

import { type Command, Option } from 'commander';
import { InputError } from '../failure.ts';
import { finalistTable } from '../report/finalist-findings.ts';
import { type Findings, findingsOf, sentences } from '../report/findings.ts';
import { ladderArmTable } from '../report/ladder-arms.ts';
import { ladderTable, meterTable } from '../report/ladder-findings.ts';
import { listTrials, trialsAsCsv, trialsAsJson } from '../report/trial-list.ts';
import { describeCell } from '../space/print.ts';
import { openSearch } from '../study/parse-settings.ts';
import { percent, whole } from '../words.ts';
import { wholeNumber } from './flags/parsers.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { alignColumns } from './terminal/columns.ts';
import { writeOut } from './terminal/write-out.ts';

interface ShowFlags {
  top: number;
  json?: boolean;
  trials?: boolean;
  format?: 'csv' | 'json';
}

export function registerShow(program: Command): void {
  program
    .command('show')
    .description('best cells, rewards and progress of a study; also while it is searched')
    .argument('<study>', 'the study file, such as runs/laptop/study.db')
    .option('--top <n>', 'number of best cells', wholeNumber('--top'), 5)
    .option('--json', 'one JSON document')
    .option('--trials', 'every trial with its decisions, architecture, rewards, epochs, times and failure')
    .addOption(new Option('--format <name>', 'with --trials (default: csv)').choices(['csv', 'json']))
    .addHelpText(
      'after',
      '\nExamples:\n  nasnet show runs/laptop/study.db\n  nasnet show runs/laptop/study.db --json\n  nasnet show runs/laptop/study.db --trials --format csv > trials.csv',
    )
    .action(async (path: string, { top, json, trials, format }: ShowFlags) => {
      if (format !== undefined && !trials) throw new InputError('--format: expected --trials with it, got none');
      using study = openSearch(path, { readOnly: true });
      if (trials) {
        const list = listTrials(study);
        await writeOut((format ?? (json ? 'json' : 'csv')) === 'json' ? trialsAsJson(list) : trialsAsCsv(list));
        return;
      }
      const findings = findingsOf(study, top);
      if (json) printDocument(findings);
      else printWords(describe(findings));
    });
}

function describe(findings: Findings): string {
  const { trials, failures, lostAttempts } = findings.summary;
  const states = Object.entries(trials).map(([state, count]) => `${whole(count)} ${state}`);
  const failed = Object.entries(failures).map(([kind, count]) => `${count} ${kind}`);
  const lost = lostAttempts === 0 ? '' : `; ${whole(lostAttempts)} attempts lost to crashes and interruptions`;
  const { ladder, ladderArms } = findings;
  const where = ladder ? ' at rung 0' : '';
  const rows = findings.top.map((cell, place) => [
    `${place + 1}`,
    `trial ${cell.trial}`,
    percent(cell.reward, 2),
    ...(cell.climbed ? [`rung ${cell.climbed.rung}`] : []),
    ...(findings.settings.evaluator
      ? []
      : [`${whole(cell.trainableParameters)} parameters`, `${whole(cell.multiplyAdds)} multiply-adds`]),
  ]);
  const armRows = findings.arms.map(({ label, done, mean, best }) => [
    label,
    `${whole(done)} cells`,
    `mean${where} ${mean === null ? '–' : percent(mean, 2)}`,
    `best${where} ${best === null ? '–' : percent(best, 2)}`,
  ]);
  const ladderRows = ladder
    ? [ladderTable(ladder), ...(ladderArms.length > 0 ? [ladderArmTable(ladderArms)] : []), meterTable(ladder)].flatMap(
        (table) => ['', ...alignColumns(table, 'l')],
      )
    : [];
  const { finalists } = findings;
  const finalistRows = finalists ? ['', ...alignColumns(finalistTable(finalists), 'lr')] : [];
  const [best] = findings.top;
  const cells = best
    ? [
        '',
        `cells of trial ${best.trial}`,
        ...(['normal', 'reduction'] as const).flatMap((kind) => [
          `  ${kind}`,
          ...describeCell(best.architecture[kind]).map((line) => `    ${line}`),
        ]),
      ]
    : [];
  return [
    ...sentences(findings),
    '',
    `trials: ${states.join(', ')}${failed.length > 0 ? ` (${failed.join(', ')})` : ''}${lost}`,
    ...[...alignColumns(armRows, 'lr'), ...alignColumns(rows)].map((line) => `  ${line}`),
    ...[...ladderRows, ...finalistRows].map((line) => (line === '' ? '' : `  ${line}`)),
    ...cells,
    ...(findings.verified ? [] : ['', 'unverified: a study of an older version, whose rows have no checksums']),
    '',
  ].join('\n');
}
