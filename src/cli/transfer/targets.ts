// Where `nasnet transfer` takes cells: the published networks, with their usual size, recipe and costs.

import { type NamedModel, namedModels } from '../../plan/named-models.ts';
import type { RecipeName } from '../../train/recipe.ts';

export interface Target {
  /** The network whose layout and other options are used. */
  network: NamedModel;
  recipe: RecipeName;
  /** Limits if none is given. NASNet-A has 564 M, 23.8 G and (CIFAR) 3.3 M parameters. */
  limits: { multiplyAdds?: number; parameters?: number };
}

export const targets = {
  'imagenet-mobile': { network: 'mobile', recipe: 'imagenet-mobile', limits: { multiplyAdds: 600e6 } },
  'imagenet-large': { network: 'large', recipe: 'imagenet-paper', limits: { multiplyAdds: 23.9e9 } },
  cifar: { network: 'cifar', recipe: 'paper', limits: { parameters: 3.4e6 } },
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof targets;
export const targetNames = Object.keys(targets) as TargetName[];

/** Returns the options of a target's network without F. */
export function targetOptions(target: Target, change: { cells?: number; input?: number; classes: number }) {
  const { filters: _, cells, input, ...rest } = namedModels[target.network];
  return { ...rest, cells: change.cells ?? cells, input: change.input ?? input, classes: change.classes };
}
