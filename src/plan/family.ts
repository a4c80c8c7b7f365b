// The NASNet family as published (paper, Tables 1 to 3), and the figures of the released graph at the same N @ P. The
// other networks of those tables are not here.

import { namedCells } from '../space/named-cells.ts';
import { filterMultiple } from './model-name.ts';
import { type NamedModel, namedModels } from './named-models.ts';
import { planNetwork } from './plan.ts';

export interface PublishedNetwork {
  /** `nasnet-a`, `nasnet-b` or `nasnet-c`; the cells of -b and -c are not known as data. */
  readonly architecture: string;
  /** N */
  readonly cells: number;
  /** P */
  readonly penultimate: number;
  /** The released network that has the same layout, stem and h_{i-1} after a reduction. */
  readonly network: NamedModel;
  /** Side of the image in pixels. */
  readonly input: number;
  /** As printed, rounded. */
  readonly parameters: number;
  /** As printed; absent in the CIFAR table. */
  readonly multiplyAdds?: number;
  /** CIFAR-10: test error in %, mean of 5 runs, without and with cutout. */
  readonly error?: number;
  readonly errorWithCutout?: number;
  /** ImageNet: accuracy in %, single crop. */
  readonly top1?: number;
  readonly top5?: number;
  readonly source: string;
}

const table1 = { network: 'cifar', input: 32, source: 'paper, Table 1' } as const;
const table2 = { network: 'large', input: 299, source: 'paper, Table 2' } as const;
const table3 = { network: 'mobile', input: 224, source: 'paper, Table 3' } as const;
const [a, b, c] = ['nasnet-a', 'nasnet-b', 'nasnet-c'] as const;

export const publishedFamily: readonly PublishedNetwork[] = [
  { ...table1, architecture: a, cells: 6, penultimate: 768, parameters: 3.3e6, error: 3.41, errorWithCutout: 2.65 },
  { ...table1, architecture: a, cells: 7, penultimate: 2304, parameters: 27.6e6, error: 2.97, errorWithCutout: 2.4 },
  { ...table1, architecture: b, cells: 4, penultimate: 1152, parameters: 2.6e6, error: 3.73 },
  { ...table1, architecture: c, cells: 4, penultimate: 640, parameters: 3.1e6, error: 3.59 },
  {
    ...table3,
    architecture: a,
    cells: 4,
    penultimate: 1056,
    parameters: 5.3e6,
    multiplyAdds: 564e6,
    top1: 74.0,
    top5: 91.6,
  },
  {
    ...table3,
    architecture: b,
    cells: 4,
    penultimate: 1536,
    parameters: 5.3e6,
    multiplyAdds: 488e6,
    top1: 72.8,
    top5: 91.3,
  },
  {
    ...table3,
    architecture: c,
    cells: 3,
    penultimate: 960,
    parameters: 4.9e6,
    multiplyAdds: 558e6,
    top1: 72.5,
    top5: 91.0,
  },
  {
    ...table2,
    architecture: a,
    cells: 5,
    penultimate: 1538,
    parameters: 10.9e6,
    multiplyAdds: 2.35e9,
    top1: 78.6,
    top5: 94.2,
  },
  {
    ...table2,
    architecture: a,
    cells: 7,
    penultimate: 1920,
    parameters: 22.6e6,
    multiplyAdds: 4.93e9,
    top1: 80.8,
    top5: 95.3,
  },
  {
    ...table2,
    architecture: a,
    cells: 6,
    penultimate: 4032,
    parameters: 88.9e6,
    multiplyAdds: 23.8e9,
    input: 331,
    top1: 82.7,
    top5: 96.2,
  },
];

/** Figures of the released graph at some N @ P. */
export interface Figures {
  readonly penultimate: number;
  readonly trainableParameters: number;
  readonly totalParameters: number;
  readonly multiplyAdds: number;
}

export interface FamilyMember extends PublishedNetwork {
  /**
   * Our figures at the row's N and the multiple of 24 nearest to its P (1536 for 1538); undefined if the cell is not
   * known as data.
   */
  readonly ours: Figures | undefined;
  /** Whether ours round to the printed figures, the parameters with or without the statistics of batch norm. */
  readonly reproduced: boolean | undefined;
  /** If they do not: the figures at the same N and the P that comes nearest to the printed ones. */
  readonly nearest: Figures | undefined;
  /** The three above as a sentence, empty if the row is reproduced. */
  readonly remark: string;
}

/** Returns every published row with our figures. Takes half a second to search for the nearest widths. */
export function family(): FamilyMember[] {
  return publishedFamily.map((row) => {
    if (!Object.hasOwn(namedCells, row.architecture)) {
      const remark = 'its cell is published only as a picture';
      return { ...row, ours: undefined, reproduced: undefined, nearest: undefined, remark };
    }
    const ours = figures(row, Math.round(row.penultimate / multipleOf(row)));
    if (agrees(row, ours)) return { ...row, ours, reproduced: true, nearest: undefined, remark: '' };
    const nearest = nearestFigures(row);
    return { ...row, ours, reproduced: false, nearest, remark: remark(row, ours, nearest) };
  });
}

const multipleOf = ({ architecture, cells }: PublishedNetwork) => filterMultiple(namedCells[architecture]!, cells);

function figures(row: PublishedNetwork, filters: number): Figures {
  const { cells, input } = row;
  const plan = planNetwork(namedCells[row.architecture]!, { ...namedModels[row.network], cells, input, filters });
  const { trainableParameters, totalParameters, multiplyAdds } = plan;
  return { penultimate: filters * multipleOf(row), trainableParameters, totalParameters, multiplyAdds };
}

function agrees({ parameters, multiplyAdds }: PublishedNetwork, ours: Figures): boolean {
  const sizes = [ours.trainableParameters, ours.totalParameters];
  const costs = multiplyAdds === undefined || roundsTo(ours.multiplyAdds, multiplyAdds);
  return costs && sizes.some((size) => roundsTo(size, parameters));
}

/** Whether `value` rounds to `printed`, whose trailing zeros are not significant. */
const roundsTo = (value: number, printed: number) =>
  Number(value.toPrecision(String(printed).replace(/0+$/, '').length)) === printed;

/**
 * Returns the figures of the width, between half and one and a half of the row's, that minimises the larger of the two
 * relative differences.
 */
function nearestFigures(row: PublishedNetwork): Figures {
  const filters = Math.round(row.penultimate / multipleOf(row));
  const candidates = Array.from({ length: filters + 1 }, (_, index) => figures(row, Math.ceil(filters / 2) + index));
  const distance = (ours: Figures) => {
    const { multiplyAdds = ours.multiplyAdds } = row;
    return Math.max(
      relativeError(ours.trainableParameters, row.parameters),
      relativeError(ours.multiplyAdds, multiplyAdds),
    );
  };
  return candidates.reduce((best, next) => (distance(next) < distance(best) ? next : best));
}

const relativeError = (value: number, printed: number) => Math.abs(value / printed - 1);

function remark(row: PublishedNetwork, ours: Figures, nearest: Figures): string {
  const inWords = ({ trainableParameters, multiplyAdds }: Figures) => {
    const costs = row.multiplyAdds === undefined ? '' : ` and ${(multiplyAdds / 1e9).toFixed(2)} B multiply-adds`;
    return `${(trainableParameters / 1e6).toFixed(1)} M parameters${costs}`;
  };
  const rounding =
    ours.penultimate === row.penultimate ? '' : ` (${row.penultimate} is no multiple of ${multipleOf(row)})`;
  return (
    `not what the released graph gives: ${inWords(ours)} at ${row.cells} @ ${ours.penultimate}${rounding}; ` +
    `nearest with this N is ${row.cells} @ ${nearest.penultimate}: ${inWords(nearest)}`
  );
}
