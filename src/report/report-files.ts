// `nasnet report`: writes a study's page, its best cells as pictures and architecture files, and the figures of its
// final network, into one folder.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { drawArchitecture } from '../draw/picture.ts';
import { hashOfFile } from '../file-hash.ts';
import type { ResultFiles } from '../result-files.ts';
import { printArchitecture } from '../space/print.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { type Findings, findingsOf } from './findings.ts';
import { type Page, renderPage } from './page.ts';
import { figuresName, pictureNames } from './report-names.ts';

/**
 * Writes report.html, best.json and best.svg, the same of the second and third cell, and network.training.json if there
 * is a final network; returns their paths.
 */
export function writeReport(study: Study<SearchSettings>, directory: string, results: ResultFiles): string[] {
  const page = pageOf(study);
  const files: Record<string, string> = { 'report.html': renderPage(page) };
  page.top.slice(0, pictureNames.length).forEach(({ architecture }, place) => {
    files[`${pictureNames[place]}.svg`] = page.pictures[place]!;
    files[`${pictureNames[place]}.json`] = printArchitecture(architecture);
  });
  if (page.final) files[figuresName] = `${JSON.stringify(finalFigures(page, directory))}\n`;
  return results.write(directory, files);
}

/** The final network's epochs, classes and confusions; with the hash of its weights where they are in this folder. */
function finalFigures({ final, finalTraining, classes }: Findings, directory: string) {
  const weights = join(directory, final!.weights);
  const identity = existsSync(weights) ? { weightsHash: hashOfFile(weights) } : {};
  return { ...identity, ...final, classes, training: finalTraining };
}

function pageOf(study: Study<SearchSettings>): Page {
  const findings = findingsOf(study);
  const pictures = findings.top.map(({ trial, architecture }) =>
    drawArchitecture(architecture, { title: `Trial ${trial}` }),
  );
  return { ...findings, pictures, rewards: study.rewards(), failures: study.failures() };
}
