// A search whose trials somebody else evaluates: a command of the user's in any language, or any runner of jobs. There are no images, no
// children of our own and no final network; it ends with the best cell.

import { RandomStream } from '../random/stream.ts';
import { createStrategy, type Strategy } from '../search/strategy.ts';
import { type Architecture, type Cell, outputStates } from '../space/architecture.ts';
import { defaultSpace, type Space } from '../space/search-space.ts';
import type { TrialToEvaluate } from '../study/outcome.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { evaluateIn } from './evaluator.ts';
import { remembering } from './remembered.ts';
import { runSearch, type SearchEvent } from './search-loop.ts';

/** A trial as an evaluator is told of it. JSON: it travels to programs in other languages (docs/evaluator.md). */
export interface TrialRequest {
  trial: number;
  decisions: readonly number[];
  /** An architecture file, its output lists spelled out. */
  architecture: Architecture;
  /** Equal for equal networks. */
  key: string;
  /** 0 to 2³² − 1, of this trial alone. */
  seed: number;
  space: Space;
}

export function trialRequest({ seed }: SearchSettings, { number, candidate }: TrialToEvaluate): TrialRequest {
  const { decisions, architecture, key, space } = candidate;
  return {
    trial: number,
    decisions,
    architecture: {
      normal: spelledOut(architecture.normal),
      reduction: spelledOut(architecture.reduction),
      ...(architecture.operations && { operations: architecture.operations }),
    },
    key,
    seed: new RandomStream(`${seed}, trial ${number}`).bits32(),
    space,
  };
}

const spelledOut = (cell: Cell): Cell =>
  cell.output === 'states' ? cell : { ...cell, output: outputStates(cell).sort((a, b) => a - b) };

/** What an evaluator is told once, before any trial. */
export const aboutSearch = ({ space = defaultSpace, blocks, seed }: SearchSettings) => ({ space, blocks, seed });

/** The strategy of such a study, fresh. */
export function strategyOf({ strategy, strategyOptions, known, space, blocks, seed }: SearchSettings): Strategy {
  return createStrategy(strategy, { space, blocks, seed, options: strategyOptions, known });
}

export interface EvaluatedSearchOptions {
  study: Study<SearchSettings>;
  /** Jobs are TrialRequests; results are { reward, details? }, messages EpochReports. */
  runner: JobRunner;
  /** The target number of trials. */
  trials: number;
  /** How many are evaluated at once. */
  workers: number;
  signal: AbortSignal;
  onEvent: (event: SearchEvent) => void;
}

/** Searches until the study has that many finished trials; goes on where an earlier process stopped. Throws as runSearch. */
export function runEvaluatedSearch(options: EvaluatedSearchOptions): Promise<'finished' | 'interrupted'> {
  const { study, runner, ...rest } = options;
  const { settings } = study;
  const evaluate = evaluateIn(runner, (trial) => trialRequest(settings, trial));
  return runSearch({
    ...rest,
    study,
    space: settings.space,
    strategy: strategyOf(settings),
    evaluate: settings.remember ? remembering(evaluate, study) : evaluate,
    inOrder: settings.inOrder,
  });
}
