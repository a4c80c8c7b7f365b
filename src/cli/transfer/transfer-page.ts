// What a transfer found: sentences, a table, the points of the paper's Figure 5, a page with all of them.

import { drawArchitecture } from '../../draw/picture.ts';
import { figure, headedTable } from '../../html-parts.ts';
import type { OwnModel } from '../../report/figures/cost.ts';
import { partsPage } from '../../report/parts-page.ts';
import { duration, percent, whole } from '../../words.ts';
import type { SizedCells } from './sized-cells.ts';
import type { Trained } from './trainings.ts';

export interface TransferFound {
  study: string;
  dataset: string;
  recipe: string;
  /** Side of the images in pixels. */
  size: number;
  networks: readonly { cells: SizedCells; short: Trained }[];
  /** Its place among the networks. */
  chosen: number;
  final: Trained;
}

/** Returns what was found in sentences. */
export function transferSentences({ networks, chosen, final, recipe, dataset }: TransferFound): string[] {
  const { cells, short } = networks[chosen]!;
  return [
    `Of ${networks.length} cells, ${cells.name} has the highest validation accuracy after ${epochWords(short)}: ${percent(short.validationAccuracy, 2)}.`,
    `As ${sizeWords(cells)} (${whole(cells.parameters)} parameters, ${whole(cells.multiplyAdds)} multiply-adds), trained for ${epochWords(final)} more with the recipe ${recipe}, it classifies ${percent(final.testAccuracy, 2)} of the ${whole(final.testImages)} test images of ${dataset} right.`,
  ];
}

const epochWords = ({ epochs }: Trained) => `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
const sizeWords = ({ cells, filters, penultimate }: SizedCells) =>
  `N = ${cells}, F = ${filters} (${cells} @ ${penultimate})`;

/** Returns the head and the rows of the table of networks. */
export function transferTable({ networks, chosen, final }: TransferFound): { head: string[]; rows: string[][] } {
  const head = ['cells', 'N @ P', 'parameters', 'multiply-adds', 'epochs', 'validation', 'test', 'time'];
  const row = ({ cells, penultimate, parameters, multiplyAdds }: SizedCells, name: string, trained: Trained) => [
    name,
    `${cells} @ ${penultimate}`,
    whole(parameters),
    whole(multiplyAdds),
    String(trained.epochs),
    percent(trained.validationAccuracy, 2),
    percent(trained.testAccuracy, 2),
    duration(trained.trainingSeconds),
  ];
  const best = networks[chosen]!.cells;
  return {
    head,
    rows: [
      ...networks.map(({ cells, short }) => row(cells, cells.name, short)),
      row(best, `${best.name}, trained on`, final),
    ],
  };
}

/** Returns the networks as points of the paper's Figure 5. */
export function figureModels({ networks, chosen, final, size, dataset }: TransferFound): OwnModel[] {
  const point = (cells: SizedCells, name: string, trained: Trained): OwnModel => ({
    name,
    input: String(size),
    parameters: cells.parameters,
    multiplyAdds: cells.multiplyAdds,
    top1: trained.testAccuracy,
    top5: trained.topFiveAccuracy,
    source: `${trained.testImages} images of ${dataset}`,
  });
  const others = networks.filter((_, place) => place !== chosen);
  const best = networks[chosen]!.cells;
  return [...others.map(({ cells, short }) => point(cells, cells.name, short)), point(best, best.name, final)];
}

/** Returns the page. @param figure5 the figure as SVG */
export function transferPage(found: TransferFound, figure5: string): string {
  const { networks, chosen, study, dataset } = found;
  const best = networks[chosen]!.cells;
  const { head, rows } = transferTable(found);
  const caption = 'The first rows are the short trainings, the last one is the best cell trained on.';
  const about = `Accuracy against multiply-adds: published networks on ImageNet, and these on ${dataset}.`;
  const picture = drawArchitecture(best.architecture, { title: best.name });
  return partsPage({
    title: `nasnet: cells of ${study} on ${dataset}`,
    sentences: transferSentences(found),
    parts: [
      { id: 'networks', title: 'Networks', body: headedTable(head, rows, caption) },
      { id: 'figure-5', title: "The paper's Figure 5", body: figure(figure5, about) },
      { id: 'cells', title: 'The best cells', body: figure(picture, `The cells of ${best.name}.`) },
    ],
  });
}

/** Returns why the accuracies cannot be compared with the published ones, if they cannot. */
export const comparability = (classes: number, dataset: string): string[] =>
  classes === 1000
    ? []
    : [
        `${dataset} has ${whole(classes)} classes, not ImageNet's: the figure's accuracies cannot be compared with ours`,
      ];
