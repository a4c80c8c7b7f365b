// A study's settings as far as a picture needs them, read from its JSON by hand: the page must not carry the parser of
// all settings, and shows studies of every version, also one that somebody made up.

import { parseOperations } from '../space/parse.ts';
import { firstOperations, type Space, type SpaceName, spaces, spaceWith } from '../space/search-space.ts';

export interface ViewedTraining {
  cells: number;
  filters: number;
  resolution: number;
  epochs: number;
}

export interface ViewedSettings {
  preset: string;
  dataset: string;
  seed: number;
  strategy: string;
  space: Space;
  blocks: number;
  trials: number;
  inOrder: boolean;
  known: number;
  /** Whether a program of the user gives the rewards. */
  evaluator: boolean;
  /** Whether a budget decides the number of trials. */
  budget: boolean;
  child: ViewedTraining;
  final: ViewedTraining;
  /** Trainings above the child's, the lowest first. */
  rungs: ViewedTraining[];
  reduction: number;
  finalists: { count: number; least: number; most: number } | undefined;
}

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const text = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);
const number = (value: unknown, otherwise: number) =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export function viewedSettings(json: unknown): ViewedSettings {
  const settings = fields(json);
  const ladder = fields(settings.ladder);
  const finalists = fields(settings.finalists);
  const seeds = fields(finalists.seeds);
  const space = spaceFrom(settings);
  return {
    preset: text(settings.preset, ''),
    dataset: text(settings.dataset, ''),
    seed: number(settings.seed, 0),
    strategy: text(settings.strategy, 'unknown'),
    space,
    blocks: number(settings.blocks, typeof space === 'string' ? spaces[space].blocks : space.blocks),
    trials: number(settings.trials, 0),
    inOrder: settings.inOrder !== false,
    known: list(settings.known).length,
    evaluator: settings.evaluator !== undefined,
    budget: settings.budget !== undefined,
    child: training(settings.child),
    final: training(settings.final),
    rungs: list(ladder.rungs).map(training),
    reduction: number(ladder.reduction, 0),
    finalists:
      settings.finalists === undefined
        ? undefined
        : { count: number(finalists.count, 0), least: number(seeds.least, 2), most: number(seeds.most, 10) },
  };
}

function training(json: unknown): ViewedTraining {
  const { cells, filters, resolution, recipe } = fields(json);
  return {
    cells: number(cells, 0),
    filters: number(filters, 0),
    resolution: number(resolution, 0),
    epochs: number(fields(recipe).epochs, 0),
  };
}

/** Returns one of the paper's spaces with as many operations as the study began with, or a custom one. */
function spaceFrom({ space, operations: count }: Fields): Space {
  if (space === undefined || (typeof space === 'string' && Object.hasOwn(spaces, space)))
    return spaceWith((space ?? 'a') as SpaceName, number(count, firstOperations));
  const own = fields(space);
  return {
    name: text(own.name, 'custom'),
    operations: parseOperations(own.operations, 'operations', 'space'),
    combiners: list(own.combiners) as (typeof spaces.a.combiners)[number][],
    blocks: number(own.blocks, 5),
    output: own.output === 'states' ? 'states' : 'unread',
  };
}
