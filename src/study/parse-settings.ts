// Parses the stored settings of a search. Settings of older versions become current ones, with the fields that they
// lack. presets.ts makes the settings of a new search.

import { z } from 'zod';
import { checked } from '../checked.ts';
import { layoutNames } from '../plan/layouts.ts';
import { combiners, type OperationTable, operationNames } from '../space/operations.ts';
import { parseOperations } from '../space/parse.ts';
import {
  defaultSpace,
  firstOperations,
  type SearchSpace,
  type Space,
  spaceNames,
  spaceWith,
} from '../space/search-space.ts';
import { type Recipe, recipeNames, type SmallImages } from '../train/recipe.ts';
import {
  balances,
  type OptimizerChoice,
  type OptimizerName,
  type RandAugment,
  type RandomParts,
  type RateDecay,
  scheduleNames,
} from '../train/recipe-choices.ts';
import { externalEvaluator } from './result-schemas.ts';
import type {
  AskedEpochs,
  AskedRecipes,
  Budget,
  Finalists,
  LadderSettings,
  LatencyLimit,
  Limits,
  MemoryLimit,
  SearchSettings,
  Training,
} from './settings.ts';
import { Study } from './study.ts';

/** Fields that older studies do not have are optional; absent ones mean the behaviour of the older version. */
type Stored<Whole, Later extends keyof Whole> = Omit<Whole, Later> & Partial<Pick<Whole, Later>>;

type StoredRecipe = Stored<Recipe, 'matchTestView'>;
type StoredTraining = Omit<Training, 'recipe'> & { recipe: StoredRecipe };
type StoredLadder = Omit<LadderSettings, 'rungs'> & { rungs: StoredTraining[] };
type StoredFinalists = Omit<Finalists, 'training'> & { training: StoredTraining };
type StoredBudget = Omit<Budget, 'larger'> & { larger: StoredTraining[] };
type StoredSettings = Omit<
  Stored<SearchSettings, 'remember' | 'known' | 'space'>,
  'budget' | 'child' | 'ladder' | 'finalists' | 'final'
> & {
  budget?: StoredBudget;
  child: StoredTraining;
  ladder?: StoredLadder;
  finalists?: StoredFinalists;
  final: StoredTraining;
};

type Fields<Whole> = Record<keyof Whole, z.ZodType>;

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const amount = z.number().nonnegative();

const optimizer: z.ZodType<OptimizerChoice> = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('momentum') }),
  z.strictObject({ name: z.literal('rmsprop'), decay: amount, epsilon: amount } satisfies Fields<Chosen<'rmsprop'>>),
  z.strictObject({
    name: z.literal('adam'),
    beta1: amount,
    beta2: amount,
    epsilon: amount,
  } satisfies Fields<Chosen<'adam'>>),
  z.strictObject({
    name: z.literal('muon'),
    matrixRate: amount,
    iterations: count,
  } satisfies Fields<Chosen<'muon'>>),
]);
type Chosen<Name extends OptimizerName> = Extract<OptimizerChoice, { name: Name }>;

/**
 * The order of the fields is that of train/recipe.ts, since checkpoints identify their training by the recipe's JSON.
 */
const recipe: z.ZodType<StoredRecipe> = z.strictObject({
  epochs: z.number().positive(),
  batchSize: z.int().positive(),
  learningRate: amount,
  schedule: z.enum(scheduleNames),
  decay: z.strictObject({ factor: amount, epochs: z.number().positive() } satisfies Fields<RateDecay>).exactOptional(),
  warmup: share,
  optimizer: optimizer.exactOptional(),
  momentum: amount,
  nesterov: z.boolean(),
  weightDecay: amount,
  clipNorm: amount,
  auxiliaryWeight: amount,
  dropPathKeep: share,
  enlarge: amount,
  translate: share.exactOptional(),
  translateFrom: z.number().nonnegative().exactOptional(),
  halfTranslateFrom: z.number().nonnegative().exactOptional(),
  flip: z.union([z.boolean(), z.literal('alternate')]),
  cutout: count,
  matchTestView: z.boolean().exactOptional(),
  decoupledDecay: z.boolean().exactOptional(),
  biasRate: amount.exactOptional(),
  labelSmoothing: share.exactOptional(),
  accumulate: z.int().positive().exactOptional(),
  averageEpochs: z.number().positive().exactOptional(),
  dropPathRule: z.enum(['scheduled', 'linear']).exactOptional(),
  whitenStem: z.boolean().exactOptional(),
  growth: z
    .array(z.strictObject({ scale: z.number().positive().max(1), until: share } satisfies Fields<SmallImages>))
    .exactOptional(),
  patience: z.int().positive().exactOptional(),
  balance: z.enum(balances).exactOptional(),
  freezeEpochs: amount.exactOptional(),
  layerRateDecay: z.number().positive().max(1).exactOptional(),
  dropoutKeep: z.number().positive().max(1).exactOptional(),
  normDecay: z.number().nonnegative().lt(1).exactOptional(),
  averageDecay: z.number().nonnegative().lt(1).exactOptional(),
  randomParts: z
    .strictObject({
      area: z.tuple([share, share]),
      aspect: z.tuple([z.number().positive(), z.number().positive()]),
      colour: z.boolean(),
    } satisfies Fields<RandomParts>)
    .exactOptional(),
  mixup: amount.exactOptional(),
  cutmix: amount.exactOptional(),
  randAugment: z
    .strictObject({ operations: z.int().positive(), magnitude: amount.max(10) } satisfies Fields<RandAugment>)
    .exactOptional(),
  erasing: share.exactOptional(),
} satisfies Fields<Recipe>);

/** Also of a training that comes from another machine. */
export const storedTraining: z.ZodType<StoredTraining> = z.strictObject({
  layout: z.enum(layoutNames).exactOptional(),
  cells: count,
  filters: z.int().positive(),
  stemChannels: z.int().positive().exactOptional(),
  skipReductionInput: z.boolean().exactOptional(),
  resolution: z.int().positive(),
  trainingImages: z.int().positive().exactOptional(),
  recipe,
} satisfies Fields<Training>);

const ladder: z.ZodType<StoredLadder> = z.strictObject({
  stated: z.string(),
  rungs: z.array(storedTraining),
  reduction: z.number().positive(),
  randomShare: share,
} satisfies Fields<LadderSettings>);

const finalists: z.ZodType<StoredFinalists> = z.strictObject({
  count: z.int().positive(),
  training: storedTraining,
  seeds: z.strictObject({ least: z.int().positive(), most: z.int().positive() }),
  withKnown: z.boolean().exactOptional(),
  prefersKnown: z.union([z.boolean(), z.number().min(0.5).lt(1)]).exactOptional(),
  equalCost: z.boolean().exactOptional(),
} satisfies Fields<Finalists>);

const budget: z.ZodType<StoredBudget> = z.strictObject({
  seconds: z.number().positive(),
  childrenShare: share.exactOptional(),
  races: z.boolean().exactOptional(),
  larger: z.array(storedTraining),
} satisfies Fields<Budget>);

const recipes: z.ZodType<AskedRecipes> = z.strictObject({
  child: z.enum(recipeNames).exactOptional(),
  final: z.enum(recipeNames).exactOptional(),
} satisfies Fields<AskedRecipes>);

const askedEpochs: z.ZodType<AskedEpochs> = z.strictObject({
  child: amount.exactOptional(),
  finalists: amount.exactOptional(),
} satisfies Fields<AskedEpochs>);

const limits: z.ZodType<Limits> = z.strictObject({
  parameters: amount.exactOptional(),
  multiplyAdds: amount.exactOptional(),
  memory: z.strictObject({ bytes: amount, law: z.array(z.number()) } satisfies Fields<MemoryLimit>).exactOptional(),
  latency: z
    .strictObject({
      milliseconds: amount,
      law: z.array(z.number()),
      measured: count,
      error: amount,
      machine: z.string(),
    } satisfies Fields<LatencyLimit>)
    .exactOptional(),
  beyond: z.enum(['resample', 'penalise']),
} satisfies Fields<Limits>);

/** A custom space by value. space/parse.ts checks its operations. */
const ownSpace: z.ZodType<SearchSpace> = z.strictObject({
  name: z.string().min(1),
  operations: z.custom<OperationTable>((table) => problemOf(table) === undefined, {
    error: ({ input }) => `Invalid input: expected operations that can be (${problemOf(input)})`,
  }),
  combiners: z.array(z.enum(combiners)).min(1),
  blocks: z.int().positive(),
  output: z.enum(['unread', 'states']),
} satisfies Fields<SearchSpace>);

function problemOf(table: unknown): string | undefined {
  try {
    parseOperations(table, 'operations', 'space');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const settingsIn = (space: z.ZodType<Space>): z.ZodType<StoredSettings> =>
  z.strictObject({
    preset: z.string(),
    dataset: z.string(),
    size: z.int().positive().exactOptional(),
    seed: z.number(),
    strategy: z.string(),
    strategyOptions: z.record(z.string(), z.union([z.number(), z.record(z.string(), z.number())])),
    inOrder: z.boolean(),
    remember: z.boolean().exactOptional(),
    recipes: recipes.exactOptional(),
    askedEpochs: askedEpochs.exactOptional(),
    limits: limits.exactOptional(),
    known: z.array(z.array(count)).exactOptional(),
    evaluator: externalEvaluator.exactOptional(),
    space: space.exactOptional(),
    operations: z.int().positive().max(operationNames.length).exactOptional(),
    blocks: z.int().positive(),
    trials: count,
    budget: budget.exactOptional(),
    validationImages: count.exactOptional(),
    child: storedTraining,
    costLaw: z.array(z.number()).exactOptional(),
    costSize: count.exactOptional(),
    ladder: ladder.exactOptional(),
    finalists: finalists.exactOptional(),
    final: storedTraining,
  } satisfies Fields<SearchSettings>);
const inNamedSpace = settingsIn(z.enum(spaceNames));
const inOwnSpace = settingsIn(ownSpace);

/**
 * Parses settings of any version.
 * @param where the study's file, for messages
 * @throws InputError that names the invalid field
 */
export function parseSettings(json: unknown, where: string): SearchSettings {
  const {
    budget: storedBudget,
    ladder: storedLadder,
    finalists: storedFinalists,
    ...stored
  } = checked(hasOwnSpace(json) ? inOwnSpace : inNamedSpace, json, where, 'settings');
  const { space: named = defaultSpace, operations = firstOperations } = stored; // older studies have space A
  const space = typeof named === 'string' ? spaceWith(named, operations) : named;
  return {
    ...stored,
    space,
    remember: stored.remember ?? false,
    known: stored.known ?? [],
    ...(storedBudget && { budget: { ...storedBudget, larger: storedBudget.larger.map(trainingOf) } }),
    child: trainingOf(stored.child),
    ...(storedLadder && { ladder: { ...storedLadder, rungs: storedLadder.rungs.map(trainingOf) } }),
    ...(storedFinalists && { finalists: { ...storedFinalists, training: trainingOf(storedFinalists.training) } }),
    final: trainingOf(stored.final),
  };
}

const hasOwnSpace = (json: unknown) => typeof (json as { space?: unknown } | null)?.space === 'object';

/** Completes a training: versions up to 0.1.0 used validation images as stored. */
function trainingOf(stored: StoredTraining): Training {
  return { ...stored, recipe: { ...stored.recipe, matchTestView: stored.recipe.matchTestView ?? false } };
}

/** Opens the study of a search. @throws InputError or Failure as `Study.open`; InputError for invalid settings */
export function openSearch(path: string, { readOnly = false } = {}): Study<SearchSettings> {
  return Study.open(path, { readOnly, parse: parseSettings });
}
