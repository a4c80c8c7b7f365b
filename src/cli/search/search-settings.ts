// The settings of a search, an entry each: its flag, how its value is stored, compared when a study is resumed, and
// printed. Options without influence on the outcome, such as the number of workers, are in flags.ts.

import { InputError } from '../../failure.ts';
import { referenceCell } from '../../forecast/equal-cost.ts';
import { confidenceWords } from '../../report/finalist-findings.ts';
import { limitWords } from '../../report/limit-sentences.ts';
import { armCount } from '../../search/arms-strategy.ts';
import { strategyNames } from '../../search/strategy.ts';
import { defaultSpace, parseSpace, type SpaceName, spaceLabel, spaceNames, spaces } from '../../space/search-space.ts';
import { nameOfCell } from '../../study/named-decisions.ts';
import { defaultReduction, heldOut } from '../../study/presets.ts';
import { parseRungs, printRungs, type RungChange } from '../../study/rung-text.ts';
import type { AskedRecipes, Limits, SearchSettings } from '../../study/settings.ts';
import { preparedRecipes, type RecipeName } from '../../train/recipe.ts';
import { type Balance, balances } from '../../train/recipe-choices.ts';
import { duration, inUnits, whole } from '../../words.ts';
import {
  byteSize,
  countFromZero,
  numberFromZero,
  positiveNumber,
  quantity,
  reductionFactor,
  share,
  wholeNumber,
} from '../flags/parsers.ts';
import { isSameDataset } from '../flags/study-images.ts';
import { defaultPreset } from './default-study.ts';
import { readKnown } from './known-cells.ts';
import { optional, type Setting, type WithDefault, withDefault } from './setting.ts';
import { spanOf, trainingWords } from './training-words.ts';

const needsRungs: Setting<unknown>['needs'] = { flag: '--rungs', met: ({ ladder }) => ladder !== undefined };

const fewerEpochs = '; of a cell that costs more, fewer epochs';

export const searchSettings = {
  preset: withDefault<string>({
    takes: '<name>',
    help: 'the preset of the settings (below)',
    default: defaultPreset,
    stored: ({ preset }) => preset,
    states: (settings) => [
      ['search', `preset ${settings.preset}: ${childrenWords(settings)} by ${strategyWords(settings)}`],
    ],
  }),
  minutes: optional<number>({
    takes: '<n>',
    help: "time of the whole search, including training and test of the final network; the numbers of children, finalists and final epochs are planned (default: the preset's; laptop 8)",
    parse: (flag) => positiveNumber(flag, 'minutes'),
    ofTraining: true,
    asks: (minutes, { flags: { trials } }) => ({ budget: budgetOf('--minutes', 60 * minutes, trials) }),
    stored: ({ budget }) => budget && inUnits(budget.seconds, 60),
    difference: (stored) => otherBudget(stored, 'minutes'),
    states: ({ budget }) =>
      budget ? [['budget', `${duration(budget.seconds)} in total, planned again while it runs`]] : [],
  }),
  hours: optional<number>({
    takes: '<n>',
    help: 'the same in hours',
    parse: (flag) => positiveNumber(flag, 'hours'),
    ofTraining: true,
    asks: (hours, { flags: { trials, minutes } }) => {
      if (minutes === undefined) return { budget: budgetOf('--hours', 3600 * hours, trials) };
      throw new InputError(`--hours: expected none with --minutes, got ${hours}`);
    },
    stored: ({ budget }) => budget && inUnits(budget.seconds, 3600),
    difference: (stored) => otherBudget(stored, 'hours'),
  }),
  trials: optional<number>({
    takes: '<n>',
    help: "target number of trials, instead of a budget (default: the preset's)",
    parse: (flag) => wholeNumber(flag, 'trials'),
    asks: (trials) => ({ trials }),
  }),
  epochs: optional<number>({
    takes: '<n>',
    help: "epochs of a child (default: the preset's)",
    parse: (flag) => wholeNumber(flag, 'epochs'),
    ofTraining: true,
    asks: (epochs, { flags: { rungs } }) => {
      if (rungs?.[0]?.epochs === undefined) return { epochs };
      throw new InputError(`--epochs: expected none with --rungs, whose first rung is the child's, got ${epochs}`);
    },
    stored: ({ child }) => child.recipe.epochs,
  }),
  seed: withDefault<number>({
    takes: '<n>',
    help: 'equal seeds give equal searches',
    parse: wholeNumber,
    default: 1,
    asks: (seed) => ({ seed }),
    stored: ({ seed }) => seed,
    states: ({ seed }) => [['search', `seed ${seed}`]],
  }),
  strategy: optional<string>({
    takes: '<name>',
    help: `${strategyNames.join(', ')}, or several with commas: arms that take turns (default: surrogate with a budget of time and for up to 400 trials of the preset laptop, else ppo)`,
    asks: (strategy) => ({ strategy }),
    stored: ({ strategy }) => strategy,
  }),
  space: withDefault<SpaceName>({
    takes: '<name>',
    help: `${spaceNames.join(', ')}: the cells of NASNet-A, -B or -C`,
    parse: (flag) => (text) => parseSpace(text, flag),
    default: defaultSpace,
    asks: (space) => ({ space }),
    stored: ({ space }) => (typeof space === 'string' ? space : spaceLabel(space)),
    states: ({ space }) => [['cells', `space ${spaceLabel(space)}`]],
  }),
  blocks: optional<number>({
    takes: '<n>',
    help: 'blocks of a cell (default: 5, in space b 4)',
    parse: (flag) => wholeNumber(flag, 'blocks'),
    asks: (blocks) => ({ blocks }),
    stored: ({ blocks }) => blocks,
    states: ({ blocks }) => [['cells', `${blocks} blocks`]],
  }),
  dataset: withDefault<string>({
    takes: '<name|dir>',
    help: 'cifar10, or a folder with one sub-folder of images per class',
    default: 'cifar10',
    ofTraining: true,
    asks: (dataset) => ({ dataset }),
    stored: ({ dataset }) => dataset,
    compared: (requested, { dataset }) => (isSameDataset(requested, dataset) ? dataset : requested),
    states: (settings, { images }) => {
      const out = heldOut(settings, images);
      const words = `${whole(images - out)} to train on, ${whole(out)} held out for the reward`;
      return [
        ['images', `${settings.dataset}: ${words}`],
        [
          'child',
          `${trainingWords(settings.child, images - out)}${settings.costLaw && referenceCell(settings) ? fewerEpochs : ''}`,
        ],
      ];
    },
  }),
  childRecipe: recipeSetting('child', 'the children'),
  size: optional<number>({
    takes: '<pixels>',
    help: "input side of the final network for a folder's images; children may have a smaller one, as in the preset (default: the preset's)",
    parse: (flag) => wholeNumber(flag, 'pixels'),
    ofTraining: true,
    asks: (size, { flags: { dataset } }) => {
      if (dataset !== 'cifar10') return { size };
      throw new InputError('--size: expected with a folder of images only, got it with cifar10');
    },
    stored: ({ size }) => size,
    states: ({ size }) => (size === undefined ? [] : [['images', `stored at ${size} × ${size} pixels`]]),
  }),
  rungs: optional<RungChange[]>({
    takes: '<list>',
    help: 'a ladder: the best children are trained further. Epochs of each rung, such as 1,3,9; with colons also changes of images=, filters=, cells= and resolution=',
    parse: (flag) => (text) => parseRungs(text, flag),
    ofTraining: true,
    asks: (rungs) => ({ rungs }),
    stored: ({ ladder }) => ladder?.stated,
    compared: printRungs,
    states: (settings, { images }) =>
      (settings.ladder?.rungs ?? []).map((rung, index) => [
        `rung ${index + 1}`,
        `one in ${settings.ladder!.reduction ** (index + 1)}: ${trainingWords(rung, images - heldOut(settings, images))}`,
      ]),
  }),
  reduction: withDefault<number>({
    takes: '<n>',
    help: 'with --rungs: one in this many children that finished a rung is promoted to the next',
    parse: reductionFactor,
    default: defaultReduction,
    ofTraining: true,
    needs: needsRungs,
    asks: (reduction) => ({ reduction }),
    stored: ({ ladder }) => ladder?.reduction,
  }),
  randomPromotions: withDefault<number>({
    takes: '<share>',
    help: 'with --rungs: promote this share of the children that finish a rung at random, so that rungs can be compared without selection (0.05 costs 5 to 8% more training)',
    parse: share,
    default: 0,
    ofTraining: true,
    needs: needsRungs,
    asks: (randomShare) => ({ randomShare }),
    stored: ({ ladder }) => ladder?.randomShare,
  }),
  finalists: optional<number>({
    takes: '<k>',
    help: "number of the best cells that are trained again, longer and with several seeds; 0: none; with a budget the maximum (default: the preset's; laptop 8, paper 250)",
    parse: countFromZero,
    ofTraining: true,
    asks: (finalists) => ({ finalists }),
    stored: ({ finalists }) => finalists?.count ?? 0,
    states: (settings, { images }) => {
      const { finalists, final } = settings;
      const available = images - heldOut(settings, images);
      const [first, second] = settings.known;
      const [known, which] = second ? ['known cells', 'the best of which'] : ['the known cell', 'which'];
      const chosen = finalists?.prefersKnown
        ? `, ${which} is chosen unless another is better ${confidenceWords(finalists)}`
        : '';
      const withKnown = finalists?.withKnown && first ? `, including ${known}${chosen}` : '';
      const equal = finalists?.equalCost && referenceCell(settings) ? fewerEpochs : '';
      const none = `none: a race needs four or more (fewer by --finalists), with time for runs that tell cells apart in its share of the budget${first ? '; the first known cell is chosen' : ''}`;
      const arms = armCount(settings.strategy);
      const ofEach = arms > 1 ? ' of each arm' : '';
      const races = (count: number, seeds: string) =>
        `the best ${count === 1 ? 'one' : whole(count)}${ofEach}${withKnown}, ${seeds} times${count * arms === 1 ? '' : ' each'}`;
      return [
        ...(finalists
          ? [
              [
                'finalists',
                finalists.count === 0
                  ? none
                  : `${races(finalists.count, spanOf(finalists.seeds, whole))}: ${trainingWords(finalists.training, available)}${equal}`,
              ] satisfies [string, string],
            ]
          : []),
        ['final', trainingWords(final, available)],
      ];
    },
  }),
  finalEpochs: optional<number>({
    takes: '<n>',
    help: "epochs of the final network, instead of a budget (default: the preset's)",
    parse: (flag) => wholeNumber(flag, 'epochs'),
    ofTraining: true,
    asks: (finalEpochs, { flags: { minutes, hours } }) => {
      if (minutes === undefined && hours === undefined) return { finalEpochs };
      throw new InputError(
        `--final-epochs: expected none with --minutes or --hours, which plan them, got ${finalEpochs}`,
      );
    },
    stored: ({ final }) => final.recipe.epochs,
  }),
  finalFilters: optional<number>({
    takes: '<f>',
    help: "F, filters of the first cells of the final network (default: the preset's)",
    parse: (flag) => wholeNumber(flag, 'filters'),
    ofTraining: true,
    asks: (finalFilters) => ({ finalFilters }),
    stored: ({ final }) => final.filters,
  }),
  finalSize: optional<number>({
    takes: '<pixels>',
    help: "input side of the final network (default: --size, else the preset's)",
    parse: (flag) => wholeNumber(flag, 'pixels'),
    ofTraining: true,
    asks: (finalSize) => ({ finalSize }),
    stored: ({ final }) => final.resolution,
  }),
  finalRecipe: recipeSetting('final', 'finalists and final network'),
  finalPatience: optional<number>({
    takes: '<epochs>',
    help: 'end the training of the final network when its held-out accuracy has not risen for so many epochs, and hand over the best epoch',
    parse: (flag) => wholeNumber(flag, 'epochs'),
    ofTraining: true,
    asks: (patience) => ({ finalChanges: { patience } }),
    stored: ({ final }) => final.recipe.patience,
    states: ({ final: { recipe } }) =>
      recipe.patience === undefined ? [] : [['final', `ends ${epochsWords(recipe.patience)} after the best one`]],
  }),
  finalBalance: optional<Balance>({
    takes: '<way>',
    help: 'for the final network, rare classes count as much as frequent ones: their images weigh more in the loss, or are shown more often',
    choices: balances,
    ofTraining: true,
    asks: (balance) => ({ finalChanges: { balance } }),
    stored: ({ final }) => final.recipe.balance,
    states: ({ final: { recipe } }) =>
      recipe.balance === undefined ? [] : [['final', `rare classes count as frequent ones, by ${recipe.balance}`]],
  }),
  finalAverageWeights: optional<number>({
    takes: '<epochs>',
    help: 'for the final network, a moving average of the weights over about this many epochs instead of the last weights; 0: the last weights',
    parse: numberFromZero,
    ofTraining: true,
    asks: (averageEpochs) => ({ finalChanges: { averageEpochs } }),
    stored: ({ final }) => final.recipe.averageEpochs ?? 0,
  }),
  finalLabelSmoothing: optional<number>({
    takes: '<share>',
    help: 'for the final network, the share of the target that is divided among all classes',
    parse: share,
    ofTraining: true,
    asks: (labelSmoothing) => ({ finalChanges: { labelSmoothing } }),
    stored: ({ final }) => final.recipe.labelSmoothing ?? 0,
    states: ({ final: { recipe } }) =>
      recipe.labelSmoothing ? [['final', `label smoothing ${recipe.labelSmoothing}`]] : [],
  }),
  finalAccumulate: optional<number>({
    takes: '<n>',
    help: 'process the images of a step of the final network in this many parts, which needs less memory',
    parse: (flag) => wholeNumber(flag),
    ofTraining: true,
    asks: (accumulate) => ({ finalChanges: { accumulate } }),
    stored: ({ final }) => final.recipe.accumulate ?? 1,
    states: ({ final: { recipe } }) =>
      (recipe.accumulate ?? 1) > 1 ? [['final', `its batches in ${recipe.accumulate} parts`]] : [],
  }),
  finalistEpochs: optional<number>({
    takes: '<n>',
    help: "epochs of a finalist (default: the preset's)",
    parse: (flag) => wholeNumber(flag, 'epochs'),
    ofTraining: true,
    needs: { flag: '--finalists', met: ({ finalists }) => finalists !== undefined },
    asks: (finalistEpochs) => ({ finalistEpochs }),
    stored: ({ finalists }) => finalists?.training.recipe.epochs,
  }),
  known: optional<string[] | false>({
    takes: '<cells...>',
    help: 'known cells as the first trials, the most trusted one first: quick, nasnet-a, FILE.json, STUDY.db or STUDY.db#TRIAL (default with a budget and of the preset laptop: quick and nasnet-a, if the space has them)',
    without: 'no known cells',
    asks: async (cells, { flags: { space, blocks = spaces[space].blocks }, note }) => {
      return { known: await readKnown(cells || [], { space, blocks }, note) };
    },
    stored: ({ known }) => known,
    compared: (cells, settings) => readKnown(cells || [], settings),
    states: ({ known, space, blocks }) =>
      known.length > 0
        ? [['cells', `first ${known.map((cell) => nameOfCell(cell, space, blocks) ?? 'a known cell').join(', ')}`]]
        : [],
    difference: (known) => {
      const { length } = known as number[][];
      return { expected: length > 0 ? `the ${length} cells` : 'none', got: 'others' };
    },
  }),
  maxParameters: optional<number>({
    takes: '<n>',
    help: 'maximum number of parameters of the final network, such as 800_000 or 3.3M',
    parse: quantity,
    ofTraining: true,
    asks: (parameters) => ({ limits: { parameters } }),
    stored: ({ limits }) => limits?.parameters,
  }),
  maxMultiplyAdds: optional<number>({
    takes: '<n>',
    help: 'maximum number of multiply-adds of the final network for one image, such as 30M',
    parse: quantity,
    ofTraining: true,
    asks: (multiplyAdds) => ({ limits: { multiplyAdds } }),
    stored: ({ limits }) => limits?.multiplyAdds,
  }),
  maxMemory: optional<number>({
    takes: '<bytes>',
    help: 'maximum predicted peak memory of the worker that trains a child, such as 800M or 2G; with --rungs at the most expensive rung, even for cells that never reach it. Finalists and the final network may take more',
    parse: byteSize,
    ofTraining: true,
    asks: (memory) => ({ limits: { memory } }),
    stored: ({ limits }) => limits?.memory?.bytes,
    typed: (bytes) => `${Number(bytes) / 1000}K`,
  }),
  maxLatency: optional<number>({
    takes: '<ms>',
    help: 'maximum latency of the final network for one image on one thread of this machine, predicted from a few networks that are timed at the start',
    parse: positiveNumber,
    ofTraining: true,
    asks: (latency) => ({ limits: { latency } }),
    stored: ({ limits }) => limits?.latency?.milliseconds,
  }),
  overLimit: withDefault<Limits['beyond']>({
    takes: '<what>',
    help: 'for a cell that exceeds a limit: sample another one, or let it fail without training',
    choices: ['resample', 'penalise'],
    default: 'resample',
    ofTraining: true,
    asks: (beyond) => ({ limits: { beyond } }),
    stored: ({ limits }) => limits?.beyond ?? 'none',
    states: ({ limits }) => (limits ? limitWords(limits) : []).map((words) => ['limit', words]),
  }),
  reEvaluate: optional<boolean>({
    help: 'train a cell again that is the same graph as an earlier one (default: reuse the reward)',
    asks: (again) => ({ remember: !again }),
    stored: ({ remember }) => !remember,
  }),
};

type Table = typeof searchSettings;
export type SettingName = keyof Table;
type ValueOf<Name extends SettingName> = Table[Name] extends Setting<infer Value> ? Value : never;
type Defaulted = { [Name in SettingName]: Table[Name] extends WithDefault<infer _> ? Name : never }[SettingName];

/** The values of all settings' flags, as parsed by commander. */
export type SettingFlags = { [Name in Defaulted]: ValueOf<Name> } & {
  [Name in Exclude<SettingName, Defaulted>]?: ValueOf<Name>;
};

/** A named recipe of some trainings. @param whose words for them */
function recipeSetting(of: keyof AskedRecipes, whose: string): Setting<RecipeName> {
  return {
    takes: '<name>',
    help: `recipe of ${whose}, with the preset's epochs, or the budget's (default: the preset's; docs/recipes.md)`,
    choices: preparedRecipes,
    ofTraining: true,
    asks: (name) => ({ recipes: { [of]: name } }),
    stored: ({ recipes }) => recipes?.[of],
    states: ({ recipes }) => (recipes?.[of] ? [[of, `recipe ${recipes[of]}`]] : []),
  };
}

const epochsWords = (count: number) => (count === 1 ? 'an epoch' : `${whole(count)} epochs`);

const childrenWords = ({ budget, trials }: SearchSettings) => `${budget ? 'about ' : ''}${whole(trials)} children`;

/** Returns the seconds of a budget. @throws InputError if there is also a number of trials */
function budgetOf(flag: string, seconds: number, trials: number | undefined): number {
  if (trials === undefined) return seconds;
  throw new InputError(`${flag}: expected either a budget or --trials, got both`);
}

const otherBudget = (stored: unknown, unit: string) => ({
  expected: stored === undefined ? 'none' : `a budget of ${stored} ${unit}`,
  got: 'another one',
});

/** Returns "ppo, 20 an update". */
function strategyWords({ strategy, strategyOptions }: SearchSettings): string {
  const batchSize = 'batchSize' in strategyOptions && strategyOptions.batchSize;
  return typeof batchSize === 'number' ? `${strategy}, ${whole(batchSize)} an update` : strategy;
}
