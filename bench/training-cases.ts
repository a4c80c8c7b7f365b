// The networks that bench/training.ts measures: the search's children, the final network, random children, the mobile
// model.
import { InputError } from '../src/failure.ts';
import { type Layout, planNetwork } from '../src/plan/plan.ts';
import { RandomStream } from '../src/random/stream.ts';
import type { Architecture } from '../src/space/architecture.ts';
import { decode } from '../src/space/decisions.ts';
import { nasnetA } from '../src/space/published.ts';
import { sampleDecisions } from '../src/space/sample.ts';

export interface Case {
  /** Its name for --case; 'random' selects all random ones. */
  name: string;
  about: string;
  mode: 'training' | 'inference';
  architecture: Architecture;
  layout: Layout;
  cells: number;
  filters: number;
  input: number;
  classes: number;
  batch: number;
  /** Steps per turn. */
  steps: number;
}

const child = { mode: 'training', architecture: nasnetA, layout: 'cifar', input: 32, classes: 10 } as const;
const mobile = { mode: 'inference', architecture: nasnetA, layout: 'imagenet', cells: 4, filters: 44, input: 224, classes: 1000 } as const; // biome-ignore format: a row

const named: Case[] = [
  { name: 'nasnet-a', about: 'NASNet-A, N = 2, F = 24', ...child, cells: 2, filters: 24, batch: 64, steps: 2 },
  { name: 'paper', about: "NASNet-A, N = 2, F = 32, the paper's child", ...child, cells: 2, filters: 32, batch: 128, steps: 1 },
  { name: 'final', about: 'NASNet-A, N = 6, F = 32 (6 @ 768)', ...child, cells: 6, filters: 32, batch: 32, steps: 1 },
  { name: 'mobile-1', about: 'NASNet-A mobile, one image', ...mobile, batch: 1, steps: 8 },
  { name: 'mobile-32', about: 'NASNet-A mobile, 32 images', ...mobile, batch: 32, steps: 1 },
]; // biome-ignore format: a table

/**
 * Sampled uniformly from the whole space, with 13 operations, both combiners and five blocks per cell; the same on
 * every machine.
 */
const random = Array.from({ length: 20 }, (_, seed): Case => {
  const architecture = decode(sampleDecisions(new RandomStream(`benchmark ${seed}`)));
  const size = { cells: 2, filters: 16, batch: 64, steps: 1 };
  return {
    name: `random-${seed}`,
    about: `random architecture ${seed}, N = 2, F = 16`,
    ...child,
    architecture,
    ...size,
  };
});

export const cases: readonly Case[] = [...named.slice(0, 3), ...random, ...named.slice(3)];

const groupOf = ({ name }: Case) => name.replace(/^random-\d+$/, 'random');

export const caseNames = [...new Set(cases.map(groupOf))];

/**
 * Returns the cases of these names. @param names of cases or 'random'; empty for all @throws InputError for an unknown
 * name
 */
export function casesNamed(names: readonly string[]): Case[] {
  const unknown = names.find((name) => !cases.some((each) => each.name === name || groupOf(each) === name));
  if (unknown !== undefined) {
    throw new InputError(`--case: expected ${caseNames.join(', ')} or random-0 to random-19, got "${unknown}"`);
  }
  return cases.filter((each) => names.length === 0 || names.includes(each.name) || names.includes(groupOf(each)));
}

/** Returns the multiply-adds of one image's forward pass. */
export const multiplyAddsOf = (each: Case): number => planNetwork(each.architecture, each).multiplyAdds;
