// A search with an external evaluator: a command of the user, or any job runner. It has no images, children or final
// network, and ends with the best cell.

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
import type { SearchControl } from './search-control.ts';
import { runSearch, type SearchEvent } from './search-loop.ts';

/** A trial as sent to an evaluator. JSON, since evaluators can be programs in other languages (docs/evaluator.md). */
export interface TrialRequest {
  trial: number;
  decisions: readonly number[];
  /** The architecture as in an architecture file, with explicit output lists. */
  architecture: Architecture;
  /** Equal for equal networks. */
  key: string;
  /** A seed of this trial, 0 to 2³² − 1. */
  seed: number;
  space: Space;
}

/** Returns the request of a trial for an evaluator. */
export function trialRequest({ seed }: SearchSettings, { number, candidate }: TrialToEvaluate): TrialRequest {
  const { decisions, architecture, key, space } = candidate;
  return {
    trial: number,
    decisions,
    architecture: {
      normal: withOutputs(architecture.normal),
      reduction: withOutputs(architecture.reduction),
      ...(architecture.operations && { operations: architecture.operations }),
    },
    key,
    seed: new RandomStream(`${seed}, trial ${number}`).bits32(),
    space,
  };
}

const withOutputs = (cell: Cell): Cell =>
  cell.output === 'states' ? cell : { ...cell, output: outputStates(cell).sort((a, b) => a - b) };

/** Returns the description of the search that an evaluator gets once, before any trial. */
export const aboutSearch = ({ space = defaultSpace, blocks, seed }: SearchSettings) => ({ space, blocks, seed });

/** Creates the strategy of such a study. */
export function strategyOf({ strategy, strategyOptions, known, space, blocks, seed }: SearchSettings): Strategy {
  return createStrategy(strategy, { space, blocks, seed, options: strategyOptions, known });
}

export interface EvaluatedSearchOptions {
  study: Study<SearchSettings>;
  /** Its jobs are TrialRequests, its results { reward, details? }, its messages EpochReports. */
  runner: JobRunner;
  /** The target number of trials. */
  trials: number;
  /** Number of evaluations at once. */
  workers: number;
  signal: AbortSignal;
  control?: SearchControl | undefined;
  onEvent: (event: SearchEvent) => void;
}

/**
 * Searches until the study has `trials` finished trials; resumes an earlier process's search.
 * @throws as `runSearch`
 */
export function runEvaluatedSearch(options: EvaluatedSearchOptions): Promise<'finished' | 'interrupted'> {
  const { study, runner, ...rest } = options;
  const { settings } = study;
  options.control?.pauses(runner);
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
