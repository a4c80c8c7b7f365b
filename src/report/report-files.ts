// `nasnet report`: writes a study's page, and its best cells as pictures and architecture files, into one folder.

import { drawArchitecture } from '../draw/picture.ts';
import type { ResultFiles } from '../result-files.ts';
import { printArchitecture } from '../space/print.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { findingsOf } from './findings.ts';
import { type Page, renderPage } from './page.ts';
import { pictureNames } from './report-names.ts';

/** Writes report.html, best.json, and best.svg, second.svg, third.svg; returns their paths. */
export function writeReport(study: Study<SearchSettings>, directory: string, results: ResultFiles): string[] {
  const page = pageOf(study);
  const files: Record<string, string> = { 'report.html': renderPage(page) };
  page.top.slice(0, pictureNames.length).forEach(({ architecture }, place) => {
    files[`${pictureNames[place]}.svg`] = page.pictures[place]!;
    files[`${pictureNames[place]}.json`] = printArchitecture(architecture);
  });
  return results.write(directory, files);
}

function pageOf(study: Study<SearchSettings>): Page {
  const findings = findingsOf(study);
  const pictures = findings.top.map(({ trial, architecture }) =>
    drawArchitecture(architecture, { title: `Trial ${trial}` }),
  );
  return { ...findings, pictures, rewards: study.rewards(), failures: study.failures() };
}
