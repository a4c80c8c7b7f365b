// `nasnet report --figure 5`: accuracy and cost of the published networks and the user's, as two plots and one table.
// cost-chart.ts draws the plots.

import { type FamilyMember, family } from '../../plan/family.ts';
import type { ResultFiles } from '../../result-files.ts';
import { type CsvValue, csvLine } from '../csv.ts';
import { type CostPoint, costChart, type Series } from './cost-chart.ts';
import { designedResults } from './published-results.ts';

/** A network of the user, with its accuracy on ImageNet or another dataset. */
export interface OwnModel {
  name: string;
  /** Pixels: '224', or '480x640' for height and width. */
  input: string;
  /** Trainable parameters, without the auxiliary head. */
  parameters: number;
  /** Multiply-adds for one image. */
  multiplyAdds: number;
  /** Top-1 accuracy, 0 to 1. */
  top1: number;
  top5?: number | undefined;
  /** The source of the accuracy. */
  source: string;
}

export interface Figure5Row extends OwnModel {
  series: Series;
  /** Figures of the released graph at a published NASNet's size. */
  graph?: { parameters: number; multiplyAdds: number } | undefined;
  /** Whether they round to the published figures; if so, the plot uses them because they are exact. */
  reproduced?: boolean;
}

/** Returns the rows of the figure in the order of the table. */
function figure5Rows(own: readonly OwnModel[]): Figure5Row[] {
  const searched = family().filter(({ top1 }) => top1 !== undefined);
  return [
    ...designedResults.map(({ model, input, ...figures }): Figure5Row => {
      return { series: 'designed', name: model, input: `${input}`, ...figures };
    }),
    ...searched.map(familyRow),
    ...own.map((model): Figure5Row => ({ series: 'own', ...model })),
  ];
}

function familyRow(member: FamilyMember): Figure5Row {
  const { architecture, cells, penultimate, input, parameters, multiplyAdds, top1, top5, ours, source } = member;
  const letter = architecture.slice(-1).toUpperCase();
  return {
    series: letter === 'A' ? 'nasnet-a' : 'nasnet-b-c',
    name: `NASNet-${letter} (${cells} @ ${penultimate})`,
    input: `${input}`,
    parameters,
    multiplyAdds: multiplyAdds!, // every ImageNet row of the paper has them
    top1: share(top1!),
    top5: share(top5!),
    graph: ours && { parameters: ours.trainableParameters, multiplyAdds: ours.multiplyAdds },
    reproduced: member.reproduced === true,
    source: member.reproduced === false ? `${source}; the released graph gives other figures at this size` : source,
  };
}

/** Converts 82.7 (%) to 0.827. */
const share = (percent: number) => Number((percent / 100).toFixed(4));

/**
 * Writes figure-5-multiply-adds.svg, figure-5-parameters.svg and figure-5.csv, replacing older ones. Returns their
 * paths.
 * @throws Failure if the folder or a file cannot be written
 */
export function writeFigure5(directory: string, own: readonly OwnModel[], results: ResultFiles): string[] {
  const rows = figure5Rows(own);
  const points = (name: 'parameters' | 'multiplyAdds', unit: number) =>
    rows.map(({ graph, reproduced, ...row }): CostPoint => {
      const cost = (reproduced && graph ? graph : row)[name] / unit;
      return { name: row.name, series: row.series, cost, top1: row.top1 };
    });
  const files = {
    'figure-5-multiply-adds.svg': costChart({
      title: 'ImageNet accuracy against computation',
      label: 'multiply-adds for one image (billions)',
      points: points('multiplyAdds', 1e9),
    }),
    'figure-5-parameters.svg': costChart({
      title: 'ImageNet accuracy against size',
      label: 'parameters (millions)',
      points: points('parameters', 1e6),
    }),
    'figure-5.csv': figure5Table(rows),
  };
  return results.write(directory, files);
}

/** Returns the table as CSV (RFC 4180): a line of names, then one for each network; unknown figures are empty. */
function figure5Table(rows: readonly Figure5Row[]): string {
  const columns: [string, (row: Figure5Row) => CsvValue][] = [
    ['series', (row) => row.series],
    ['model', (row) => row.name],
    ['input', (row) => row.input],
    ['parameters', (row) => row.parameters],
    ['multiply_adds', (row) => row.multiplyAdds],
    ['top1', (row) => row.top1],
    ['top5', (row) => row.top5],
    ['released_graph_parameters', (row) => row.graph?.parameters],
    ['released_graph_multiply_adds', (row) => row.graph?.multiplyAdds],
    ['source', (row) => row.source],
  ];
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, value]) => value(row)))];
  return lines.map((line) => `${csvLine(line)}\r\n`).join('');
}
