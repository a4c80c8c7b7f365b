// Writes a study's page, and its best cells as pictures and architecture files, into one folder, as `nasnet report`
// does; at the end of a search also the figures of its final network.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { drawArchitecture } from '../draw/picture.ts';
import { hashOfFile } from '../file-hash.ts';
import type { ResultFiles } from '../result-files.ts';
import { printArchitecture } from '../space/print.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { type Findings, findingsOf } from './findings.ts';
import { type Page, renderPage } from './page.ts';
import { figuresName, pictureNames } from './report-names.ts';

/** Writes report.html, best.json, and best.svg, second.svg, third.svg; returns their paths. */
export function writeReport(study: Study<SearchSettings>, directory: string, results: ResultFiles): string[] {
  const page = pageOf(study, directory);
  const files: Record<string, string> = { 'report.html': renderPage(page) };
  page.top.slice(0, pictureNames.length).forEach(({ architecture }, place) => {
    files[`${pictureNames[place]}.svg`] = page.pictures[place]!;
    files[`${pictureNames[place]}.json`] = printArchitecture(architecture);
  });
  return results.write(directory, files);
}

/**
 * Writes network.training.json, the epochs, classes and confusions of the final network, next to its weights, which the
 * search has written, and with their hash, by which `nasnet evaluate` knows it; returns its path, or none without such
 * a network.
 */
export function writeFigures(
  { final, finalTraining, classes }: Pick<Findings, 'final' | 'finalTraining' | 'classes'>,
  directory: string,
  results: ResultFiles,
): string[] {
  if (!final) return [];
  const weights = join(directory, final.weights);
  const identity = existsSync(weights) ? { weightsHash: hashOfFile(weights) } : {};
  const figures = { ...identity, ...final, classes, training: finalTraining };
  return results.write(directory, { [figuresName]: `${JSON.stringify(figures)}\n` });
}

function pageOf(study: Study<SearchSettings>, directory: string): Page {
  const findings = findingsOf(study);
  const { final } = findings;
  const places = final ? [directory, dirname(study.path)].map((folder) => join(folder, final.weights)) : [];
  const pictures = findings.top.map(({ trial, architecture }) =>
    drawArchitecture(architecture, { title: `Trial ${trial}` }),
  );
  const weights = places.find((path) => existsSync(path));
  return { ...findings, pictures, weights, rewards: study.rewards(), failures: study.failures() };
}
