// The limits of a search, checked from the plans of networks before anything is trained. A check depends only on the
// decisions and the study's settings, so a resumed search makes the same decisions. A setting decides whether an
// architecture that exceeds them is sampled again or counts as failed.

import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import type { Accepts } from '../search/sample-within.ts';
import { inputCount } from '../space/architecture.ts';
import { cellForm, defaultSpace, type Space, spaceOf } from '../space/search-space.ts';
import type { Coefficients } from '../statistics/robust-fit.ts';
import { Candidate } from '../study/candidate.ts';
import type { LatencyLimit, Limits, SearchSettings } from '../study/settings.ts';
import { bytesWords, millisecondsWords, whole } from '../words.ts';
import { latencyTerms, lawValue, leftBehind } from './cost-law.ts';
import { type ImageCounts, TrainingTerms } from './prediction.ts';

/** Names of the limits, in the order of the checks. */
const limitNames = {
  parameters: 'most parameters',
  multiplyAdds: 'most multiply-adds',
  memory: 'most memory',
  latency: 'most latency',
} as const;

export interface Excess {
  limit: keyof typeof limitNames;
  /** For example "1,234 parameters of at most 1,000". */
  message: string;
}

/** Returns the first limit that the architecture exceeds; undefined if it is within the limits. */
export type CheckLimits = (candidate: Candidate) => Excess | undefined;

/** Returns the check for a strategy's decisions. */
export const acceptedBy =
  (check: CheckLimits, space: Space): Accepts =>
  (decisions) =>
    check(new Candidate(decisions, space)) === undefined;

type LimitedSearch = Pick<SearchSettings, 'final' | 'child' | 'ladder' | 'validationImages'>;

/** Returns the check of a search with these settings and counts of images and classes. */
export function limitCheck(limits: Limits, settings: LimitedSearch, counts: ImageCounts): CheckLimits {
  const { final, child, ladder } = settings;
  const { parameters, multiplyAdds, memory, latency } = limits;
  const trainings = [child, ...(ladder?.rungs ?? [])].map((training) => new TrainingTerms(settings, training, counts));
  const costs: Limited[] = [
    {
      limit: 'parameters',
      most: parameters,
      of: (plan) => plan.trainableParameters,
      words: whole,
      what: 'parameters',
    },
    {
      limit: 'multiplyAdds',
      most: multiplyAdds,
      of: (plan) => plan.multiplyAdds,
      words: whole,
      what: 'multiply-adds',
    },
    {
      limit: 'latency',
      most: latency?.milliseconds,
      of: (plan) => predictedLatency(latency!, plan),
      words: millisecondsWords,
      what: 'for one image',
    },
    {
      limit: 'memory',
      most: memory?.bytes,
      of: (_, candidate) => Math.max(...trainings.map((terms) => lawValue(memory!.law, terms.of(candidate).memory))),
      words: bytesWords,
      what: ladder ? 'in a worker at the most expensive rung' : 'in a worker',
    },
  ];
  const stated = costs.filter(({ most }) => most !== undefined);
  return (candidate) => {
    const plan = candidate.usedPlan(final, counts.classes); // for inference: without an auxiliary head
    for (const { limit, most, of, words, what } of stated) {
      const value = of(plan, candidate);
      if (value > most!) return { limit, message: `${words(value)} ${what} of at most ${words(most!)}` };
    }
    return undefined;
  };
}

/** Returns the predicted milliseconds of a network for one image on one thread. */
export const predictedLatency = ({ law }: LatencyLimit, plan: Plan): number => lawValue(law, latencyTerms(plan));

interface Limited {
  limit: Excess['limit'];
  most: number | undefined;
  of: (plan: Plan, candidate: Candidate) => number;
  words: (value: number) => string;
  what: string;
}

/**
 * Returns the cheapest cells: added identities in sequence from h_{i-1} (which omits every other normal cell), from
 * h_i, and in parallel.
 */
export function cheapestCells(blocks: number, space: Space = defaultSpace): Candidate[] {
  const inputs = inputCount({ ...cellForm(spaceOf(space), blocks), blocks: [] });
  const chain = (from: number, apart: boolean) => {
    const cell = Array.from({ length: blocks }, (_, block) => {
      const state = block === 0 || apart ? from : inputs + block - 1;
      return [state, state, 0, 0, 0];
    }).flat();
    return [...cell, ...cell];
  };
  return [chain(1, false), chain(0, false), chain(1, true), chain(0, true)].map((each) => new Candidate(each, space));
}

/** Refuses impossible limits. @throws InputError if even the cheapest cells exceed them */
export function refuseImpossible(check: CheckLimits, blocks: number, space?: Space): void {
  const [excess, ...others] = cheapestCells(blocks, space).map(check);
  if (!excess || others.includes(undefined)) return;
  throw new InputError(
    `${limitNames[excess.limit]}: expected a limit that some cells meet, but even cells of identities alone have ${excess.message}`,
    { code: 'impossible-limit', fields: { limit: excess.limit } },
  );
}

/** Returns the memory law of a worker that has trained other children before. */
export function wornWorker([worker = 0, ...others]: Coefficients): Coefficients {
  return [worker + leftBehind, ...others];
}
