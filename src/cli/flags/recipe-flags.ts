// The flags of a training's recipe: a named recipe, and values that replace its own.

import { type Command, Option } from 'commander';
import { type AugmentationName, augmentationNames, augmentations } from '../../data/augmentations.ts';
import { InputError } from '../../failure.ts';
import { layouts } from '../../plan/layouts.ts';
import type { Plan } from '../../plan/plan.ts';
import { whyNotGrow } from '../../train/growth.ts';
import {
  largeImagenet,
  type Recipe,
  type RecipeName,
  recipeFor,
  recipeNames,
  type SmallImages,
  scaledRates,
} from '../../train/recipe.ts';
import {
  balances,
  defaultOptimizer,
  type OptimizerName,
  optimizerNames,
  type RandAugment,
  scheduleNames,
} from '../../train/recipe-choices.ts';
import { countFromZero, numberFromZero, positiveNumber, share, wholeNumber } from './parsers.ts';

/** Numbers of the recipe that have a flag. */
const numberNames = [
  'epochs',
  'batchSize',
  'learningRate',
  'schedule',
  'warmup',
  'weightDecay',
  'biasRate',
  'labelSmoothing',
  'auxiliaryWeight',
  'dropPathKeep',
  'cutout',
  'accumulate',
  'patience',
  'balance',
  'freezeEpochs',
  'layerRateDecay',
  'dropoutKeep',
  'normDecay',
  'mixup',
  'cutmix',
  'randAugment',
  'erasing',
] as const satisfies (keyof Recipe)[];

type Numbers = Pick<Recipe, (typeof numberNames)[number]>;

const flips = { random: true, alternate: 'alternate', none: false } as const;

export interface RecipeFlags extends Partial<Numbers> {
  recipe: RecipeName;
  optimizer?: OptimizerName;
  augment?: AugmentationName;
  flip?: keyof typeof flips;
  /** Epochs of the moving average of the weights; 0: the last weights. */
  averageWeights?: number;
  grow?: SmallImages[];
}

const recipeHelp =
  'small for tiny children, fast for some minutes, paper and darts as published for CIFAR-10, imagenet-paper and imagenet-mobile as published for ImageNet, imagenet-fast for fewer epochs, fine-tune with --from (docs/recipes.md); the following flags replace its values';
const augmentHelp =
  "training images are random crops of the image enlarged by 1.25 (the paper), images translated by up to an eighth, or neither (default: the recipe's)";
const averageHelp =
  'use a moving average of the weights over about this many epochs instead of the last weights; 0: the last weights';
const patienceHelp =
  'end when the held-out accuracy has not risen for so many epochs, and hand over the best epoch (default: all epochs, the last one)';
const balanceHelp =
  'rare classes count as much as frequent ones: their images weigh more in the loss, or are shown more often';
const freezeHelp = 'with --from: train only the head for so many epochs first';
const layerRateHelp =
  'learning rate of a cell, times that of the next deeper one; the head has the whole rate (default: 1)';
const randAugmentHelp =
  'of streamed pictures in random parts: N random changes of strength M, 0 to 10, such as 2:9 (RandAugment)';
const dropoutHelp = 'dropout before the classifier: probability of keeping a feature; 1: none';
const normDecayHelp =
  "decay of the norms' moving statistics (default: the layout's, or in a short training one that suits its steps)";
const growHelp =
  'smaller images first, such as 0.5:0.3,0.75:0.6: half the side until 0.3 of the training, three quarters until 0.6';

export function addRecipeFlags(command: Command): Command {
  return command
    .addOption(new Option('--recipe <name>', recipeHelp).choices(recipeNames).default('small'))
    .option('--epochs <n>', 'number of epochs', positiveNumber('--epochs', 'epochs'))
    .option('--batch-size <n>', 'images a step', wholeNumber('--batch-size', 'batch'))
    .option('--learning-rate <x>', 'peak learning rate', positiveNumber('--learning-rate'))
    .addOption(
      new Option(
        '--schedule <name>',
        'how the learning rate falls; exponential as in the released ImageNet configuration',
      ).choices(scheduleNames),
    )
    .option('--warmup <share>', 'share of the steps in which the learning rate rises', share('--warmup'))
    .addOption(
      new Option(
        '--optimizer <name>',
        'rmsprop as in the released ImageNet configuration, adam with its usual options, muon for the weights of convolutions (default: momentum; of fast muon)',
      ).choices(optimizerNames),
    )
    .option('--weight-decay <x>', 'L2 penalty of the weights', numberFromZero('--weight-decay'))
    .option('--bias-rate <x>', "learning rate of biases and norms, times the weights'", positiveNumber('--bias-rate'))
    .option(
      '--label-smoothing <share>',
      'share of the target that is divided among all classes',
      share('--label-smoothing'),
    )
    .option('--average-weights <epochs>', averageHelp, numberFromZero('--average-weights'))
    .option(
      '--accumulate <n>',
      'process a step’s images in this many parts, which needs less memory',
      wholeNumber('--accumulate'),
    )
    .option(
      '--auxiliary-weight <x>',
      'weight of the auxiliary loss; 0: no such head',
      numberFromZero('--auxiliary-weight'),
    )
    .option('--drop-path-keep <x>', 'drop-path: keep probability at the end; 1: none', share('--drop-path-keep'))
    .addOption(new Option('--augment <kind>', augmentHelp).choices(augmentationNames))
    .addOption(
      new Option('--flip <kind>', 'mirror images at random, or each in every other epoch').choices(Object.keys(flips)),
    )
    .option('--cutout <pixels>', 'side of the square that cutout blanks; 0: none', countFromZero('--cutout'))
    .option('--grow <list>', growHelp, growth)
    .option('--patience <epochs>', patienceHelp, wholeNumber('--patience'))
    .addOption(new Option('--balance <way>', balanceHelp).choices(balances))
    .option('--freeze-epochs <n>', freezeHelp, numberFromZero('--freeze-epochs'))
    .option('--layer-rate-decay <x>', layerRateHelp, layerRateDecay)
    .option('--dropout-keep <x>', dropoutHelp, share('--dropout-keep'))
    .option('--norm-decay <x>', normDecayHelp, share('--norm-decay'))
    .option('--mixup <alpha>', 'of streamed pictures: sums of two, such as 0.2; 0: none', numberFromZero('--mixup'))
    .option('--cutmix <alpha>', 'of streamed pictures: a part of another one, such as 1', numberFromZero('--cutmix'))
    .option('--rand-augment <n:m>', randAugmentHelp, randAugment)
    .option(
      '--erasing <share>',
      'of streamed pictures: share that loses a rectangle, such as 0.25',
      share('--erasing'),
    );
}

function layerRateDecay(text: string): number {
  const factor = share('--layer-rate-decay')(text);
  if (factor > 0) return factor;
  throw new InputError(`--layer-rate-decay: expected a factor above 0 and at most 1, such as 0.8, got ${text}`);
}

/** `2:9` */
function randAugment(text: string): RandAugment {
  const [operations, magnitude, ...more] = text.split(':').map(Number) as [number, number?, ...number[]];
  const isWhole = Number.isInteger(operations) && operations > 0;
  if (isWhole && magnitude !== undefined && magnitude >= 0 && magnitude <= 10 && more.length === 0)
    return { operations, magnitude };
  throw new InputError(`--rand-augment: expected N:M with M from 0 to 10, such as 2:9, got ${JSON.stringify(text)}`);
}

/** `0.5:0.3,0.75:0.6` */
function growth(text: string): SmallImages[] {
  return text.split(',').map((part) => {
    const [scale, until, ...more] = part.split(':').map(Number) as [number, number?, ...number[]];
    if (scale > 0 && scale < 1 && until !== undefined && until > 0 && until <= 1 && more.length === 0)
      return { scale, until };
    throw new InputError(
      `--grow: expected SCALE:UNTIL, both between 0 and 1, such as 0.5:0.3, got ${JSON.stringify(part)}`,
    );
  });
}

/** Whether a network is the paper's large one for ImageNet, or another with its stem of 96 channels. */
const isLarge = ({ stemName, stem }: Plan): boolean =>
  stemName === layouts.imagenet.stemName && stem.some(({ kind, output }) => kind === 'convolution' && output[2] === 96);

/**
 * Returns rate and parts for another batch. Parts have as many images as the recipe's, since norms use them. The rate
 * changes in proportion (Goyal et al., 2017), where gradients are divided by their own size as the root (Malladi et
 * al., 2022); an epsilon of 1 leaves them as they are.
 */
function scaledTo({ learningRate, batchSize, accumulate, optimizer }: Recipe, wanted: number) {
  const share = wanted / batchSize;
  const divides = optimizer !== undefined && 'epsilon' in optimizer && optimizer.epsilon < 1;
  return {
    learningRate: learningRate * (divides ? Math.sqrt(share) : share),
    ...(accumulate !== undefined && { accumulate: Math.max(1, Math.round(accumulate * share)) }),
  };
}

/** Returns the recipe of the flags for a network, given its plan for inference. */
export function recipeOf(flags: RecipeFlags, plan: Plan): Recipe {
  const { recipe: name, optimizer, augment, flip, averageWeights, grow } = flags;
  const named: Recipe = {
    ...recipeFor(name, plan.input[0]),
    ...(name === 'imagenet-paper' && isLarge(plan) && largeImagenet),
  };
  const numbers = {
    ...numbersOf(flags),
    ...(averageWeights !== undefined && { averageEpochs: averageWeights }),
    ...(grow && { growth: grow }),
  };
  const recipe: Recipe = {
    ...named,
    ...(flags.batchSize !== undefined && scaledRates.includes(name) && scaledTo(named, flags.batchSize)),
    ...numbers,
    ...(augment && augmentations[augment]),
    ...(flip && { flip: flips[flip] }),
    ...(optimizer && { optimizer: defaultOptimizer(optimizer) }),
  };
  if (augment) {
    delete recipe.translateFrom;
    delete recipe.halfTranslateFrom;
  }
  if (averageWeights !== undefined) delete recipe.averageDecay;
  if (recipe.averageEpochs === 0) delete recipe.averageEpochs;
  // a named recipe has small images only if the network can process them
  if (!grow && (recipe.auxiliaryWeight > 0 || whyNotGrow(plan))) delete recipe.growth;
  return recipe;
}

function numbersOf(flags: RecipeFlags): Partial<Numbers> {
  return Object.fromEntries(numberNames.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}
