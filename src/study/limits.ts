// Limits on what a search may propose, checked from the plans of its networks before anything is trained: a check is a function of
// the decisions and of what the study states, so a search that is resumed, here or elsewhere, decides again what it decided. What
// happens to an architecture beyond them is the search's setting: another is drawn, or it counts as failed.

import { InputError } from '../failure.ts';
import { inputCount } from '../space/architecture.ts';
import { type Coefficients, latencyTerms, lawValue } from '../space/cost-law.ts';
import { decode } from '../space/decisions.ts';
import type { Plan } from '../space/plan.ts';
import { cellForm, defaultSpace, type SpaceName, spaces } from '../space/search-space.ts';
import type { Evaluate } from './evaluation.ts';
import { type ImageCounts, TrainingTerms } from './prediction.ts';
import type { SearchSettings, Training } from './preset.ts';
import { usedPlan } from './training-plan.ts';

export interface Limits {
  /** Trainable parameters of the final network, at most. */
  parameters?: number;
  /** Its multiply-adds for one image, at most. */
  multiplyAdds?: number;
  /**
   * Bytes that a worker holds at most while it trains a child (of a ladder: in the dearest of its trainings), what earlier children
   * left behind included; foretold by its law.
   */
  memory?: MemoryLimit;
  /** Milliseconds of the final network for one image on one thread, foretold by its law. */
  latency?: LatencyLimit;
  /** 'resample': the strategy draws another. 'penalise': it is told of a failed trial, and learns to stay within. */
  beyond: 'resample' | 'penalise';
}

export interface MemoryLimit {
  bytes: number;
  /** Of memoryTerms, as they were when the study began. */
  law: Coefficients;
}

export interface LatencyLimit {
  milliseconds: number;
  /** Of latencyTerms, fitted to networks that were measured when the study began (latency/sample.ts). */
  law: Coefficients;
  /** How many those were, and the median error for one of them of a law fitted to the others. */
  measured: number;
  error: number;
  /** Where they were measured. */
  machine: string;
}

/** The flag of each limit, in the order in which they are checked. */
export const limitFlags = {
  parameters: '--max-parameters',
  multiplyAdds: '--max-multiply-adds',
  memory: '--max-memory',
  latency: '--max-latency',
} as const;

export interface Excess {
  limit: keyof typeof limitFlags;
  /** Such as "1,234 parameters of at most 1,000". */
  message: string;
}

/** What the architecture exceeds first; undefined when it keeps the limits. */
export type CheckLimits = (decisions: readonly number[]) => Excess | undefined;

type LimitedSearch = Pick<SearchSettings, 'final' | 'child' | 'ladder' | 'space' | 'validationImages'>;

/** The check of a search with these settings, on so many images and classes. */
export function limitCheck(limits: Limits, settings: LimitedSearch, counts: ImageCounts): CheckLimits {
  const { final, child, ladder, space } = settings;
  const { parameters, multiplyAdds, memory, latency } = limits;
  const trainings = [child, ...(ladder?.rungs ?? [])].map((training) => new TrainingTerms(settings, training, counts));
  const costs: Limited[] = [
    {
      limit: 'parameters',
      most: parameters,
      of: (plan) => plan.trainableParameters,
      words: counted,
      what: 'parameters',
    },
    {
      limit: 'multiplyAdds',
      most: multiplyAdds,
      of: (plan) => plan.multiplyAdds,
      words: counted,
      what: 'multiply-adds',
    },
    {
      limit: 'latency',
      most: latency?.milliseconds,
      of: (plan) => lawValue(latency!.law, latencyTerms(plan)),
      words: millisecondsWords,
      what: 'for one image',
    },
    {
      limit: 'memory',
      most: memory?.bytes,
      of: (_, decisions) => Math.max(...trainings.map((terms) => lawValue(memory!.law, terms.of(decisions).memory))),
      words: bytesWords,
      what: ladder ? 'in a worker at the dearest rung' : 'in a worker',
    },
  ];
  const stated = costs.filter(({ most }) => most !== undefined);
  return (decisions) => {
    const plan = finalPlan(decisions, final, counts, space);
    for (const { limit, most, of, words, what } of stated) {
      const value = of(plan, decisions);
      if (value > most!) return { limit, message: `${words(value)} ${what} of at most ${words(most!)}` };
    }
    return undefined;
  };
}

interface Limited {
  limit: Excess['limit'];
  most: number | undefined;
  of: (plan: Plan, decisions: readonly number[]) => number;
  words: (value: number) => string;
  what: string;
}

/** The network that is built from the best cell, as it is used: without an auxiliary head. */
export function finalPlan(
  decisions: readonly number[],
  training: Training,
  { classes }: ImageCounts,
  space: SpaceName,
): Plan {
  return usedPlan(decode(decisions, space), training, classes);
}

const counted = (value: number) => value.toLocaleString('en-US');

/** "3.42 ms" */
export const millisecondsWords = (value: number): string => `${Number(value.toPrecision(3))} ms`;

/** "812 MB", "2.1 GB", of 1,000 as disks and --max-memory count. */
export function bytesWords(bytes: number): string {
  return bytes < 1e9
    ? `${Math.ceil(bytes / 1e6)} MB`
    : `${(Math.ceil(bytes / 1e7) / 100).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}

/** The limits in words, one for each: "at most 800,000 parameters in the final network". */
export function limitWords({ parameters, multiplyAdds, memory, latency }: Limits): string[] {
  const words: string[] = [];
  if (parameters !== undefined) words.push(`${counted(parameters)} parameters in the final network`);
  if (multiplyAdds !== undefined) words.push(`${counted(multiplyAdds)} multiply-adds in it for one image`);
  if (memory) words.push(`${bytesWords(memory.bytes)} of memory in the worker that trains a child`);
  if (latency) {
    const { milliseconds, error, measured, machine } = latency;
    words.push(
      `${millisecondsWords(milliseconds)} for one image in the final network on one thread of ${machine} (foretold to ${Math.round(100 * error)}%, the median error on ${measured} networks that were timed)`,
    );
  }
  return words.map((each) => `at most ${each}`);
}

/** The class of a trial that is beyond the limits. */
export const overLimit = 'over-limit';

/** Fails what is beyond the limits, in no time. */
export function withinLimits(evaluate: Evaluate, check: CheckLimits): Evaluate {
  return async (trial, progress) => {
    const excess = check(trial.decisions);
    return excess ? { failure: { kind: overLimit, message: excess.message }, seconds: 0 } : evaluate(trial, progress);
  };
}

/**
 * Decisions of the cheapest cells that there are: identities, added, one after the other, from h_{i-1} (which leaves out every other
 * normal cell), from h_i, and side by side.
 */
export function cheapestCells(blocks: number, space: SpaceName = defaultSpace): number[][] {
  const inputs = inputCount({ ...cellForm(spaces[space], blocks), blocks: [] });
  const chain = (from: number, apart: boolean) => {
    const cell = Array.from({ length: blocks }, (_, block) => {
      const state = block === 0 || apart ? from : inputs + block - 1;
      return [state, state, 0, 0, 0];
    }).flat();
    return [...cell, ...cell];
  };
  return [chain(1, false), chain(0, false), chain(1, true), chain(0, true)];
}

/** @throws InputError for limits that not even the smallest of cells keeps */
export function refuseImpossible(check: CheckLimits, blocks: number, space?: SpaceName): void {
  const [excess, ...others] = cheapestCells(blocks, space).map(check);
  if (!excess || others.includes(undefined)) return;
  throw new InputError(
    `${limitFlags[excess.limit]}: expected a limit that some cell keeps, but even cells of identities alone come to ${excess.message}`,
  );
}
