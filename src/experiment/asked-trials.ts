// A search without a loop: scripts ask for trials and report outcomes (`nasnet ask`, `nasnet tell`), each in its own
// process. The order of asks and tells is that of the search loop with the same lookahead, so the decisions are the
// same.

import { InputError } from '../failure.ts';
import { Candidate } from '../study/candidate.ts';
import type { TrialFailure } from '../study/outcome.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { Dialogue } from './dialogue.ts';
import { strategyOf, type TrialRequest, trialRequest } from './evaluated-search.ts';
import { isReward } from './evaluator.ts';
import { KnownRewards } from './remembered.ts';
import { orderSchema, searchDefaults } from './search-loop.ts';

export interface AskOptions {
  /** The target number of trials. */
  trials: number;
  /** Whether to return the oldest open trial again, if there is one. */
  again?: boolean | undefined;
}

/**
 * Records how many trials of a study may be open at once, unless it is recorded already. Returns the recorded number.
 * @throws InputError if nasnet trains the children of the study
 */
export function allowAtOnce(study: Study<SearchSettings>, count: number): number {
  checkEvaluated(study);
  return study.recordOnce('order', { inOrder: true, lookahead: count }, orderSchema).lookahead;
}

/**
 * Returns the next trial, which is on disk then; undefined if all have outcomes. Trials whose network has a reward get
 * it without an evaluation.
 * @throws InputError if as many trials are open as are allowed at once
 */
export function askTrial(study: Study<SearchSettings>, { trials, again }: AskOptions): TrialRequest | undefined {
  checkEvaluated(study);
  const { settings, log } = study;
  return study.transaction(() => {
    const late = log.unfinished.find(({ running }) => running);
    if (again && late) {
      log.putBack(late.number, 'requeue', 'it was asked for again');
      log.start(late.number);
      return trialRequest(settings, { ...late, candidate: new Candidate(late.decisions, settings.space) });
    }
    const order = study.recordOnce('order', { inOrder: true, lookahead: 1 }, orderSchema);
    const { eventsPerSnapshot } = searchDefaults;
    const dialogue = new Dialogue(study, strategyOf(settings), {
      space: settings.space,
      ...order,
      trials,
      laterPerRung: 1,
      eventsPerSnapshot,
    });
    const next = advance(study, dialogue);
    if (!next && !dialogue.isOver) throw new InputError(missingOutcome(study), { code: 'outcome-missing' });
    if (!next) {
      dialogue.snapshot();
      return undefined;
    }
    log.start(next.number);
    return trialRequest(settings, next);
  });
}

/**
 * Asks and tells as far as outcomes allow, including repeats; returns the first trial that can be evaluated, if any.
 */
function advance(study: Study<SearchSettings>, dialogue: Dialogue) {
  const { settings, log } = study;
  const { space, remember } = settings;
  let known: KnownRewards | undefined;
  for (;;) {
    dialogue.advance();
    const unfinished = log.unfinished.map((trial) => ({ ...trial, candidate: new Candidate(trial.decisions, space) }));
    const queued = unfinished.filter(({ running }) => !running);
    if (!remember || queued.length === 0) return queued[0];
    known ??= new KnownRewards(study.evaluated());
    const repeat = queued.find(({ candidate }) => known?.get(candidate));
    const earlier = repeat && known.get(repeat.candidate);
    if (!repeat || !earlier) {
      const underWay = new Set(unfinished.filter(({ running }) => running).map(({ candidate }) => candidate.key));
      return queued.find(({ candidate }) => !underWay.has(candidate.key)); // repeats wait for the reward
    }
    const { reward, number: sameAs } = earlier;
    log.start(repeat.number);
    log.finish(repeat.number, { reward, seconds: 0, sameAs });
    dialogue.finished({ number: repeat.number, rung: 0, outcome: { reward }, sameAs });
  }
}

/**
 * Records the outcome of an open trial.
 * @throws InputError if the trial is not open, or the reward is invalid
 */
export function tellTrial(
  study: Study<SearchSettings>,
  number: number,
  outcome: { reward: number } | { failure: TrialFailure },
): void {
  checkEvaluated(study);
  const trial = study.trial(number);
  const { asked, log, path } = study;
  if (!trial) {
    const expected =
      asked === 0 ? 'one that "ask" has returned, of which there is none yet' : `one from 0 to ${asked - 1}`;
    throw new InputError(`${path}: trial: expected ${expected}, got ${number}`);
  }
  if (trial.state === 'queued')
    throw new InputError(
      `${path}: trial ${number}: expected one that "ask" has returned, got one that still waits for that`,
    );
  if (trial.state !== 'running') {
    const had = trial.failure ? `a failure (${trial.failure.kind})` : `the reward ${trial.reward}`;
    throw new InputError(`${path}: trial ${number}: expected one without an outcome, got one that has ${had}`);
  }
  const seconds = Math.max(0, Date.now() - (trial.startedAt ?? Date.now())) / 1000;
  if ('failure' in outcome) {
    log.fail(number, outcome.failure, seconds);
    return;
  }
  const { reward } = outcome;
  if (!isReward(reward)) throw new InputError(`${path}: trial ${number}: expected a reward from 0 to 1, got ${reward}`);
  log.finish(number, { reward, seconds });
}

function checkEvaluated({ settings, path }: Study<SearchSettings>): void {
  if (settings.evaluator) return;
  throw new InputError(
    `${path}: expected a study whose trials are evaluated outside nasnet, got one of the preset "${settings.preset}"`,
    { code: 'nasnet-evaluates' },
  );
}

function missingOutcome({ log, path }: Study<SearchSettings>): string {
  const open = log.unfinished.filter(({ running }) => running).map(({ number }) => number);
  const which = open.length === 1 ? `trial ${open[0]}` : `one of the trials ${open.join(', ')}`;
  return `${path}: expected an outcome of ${which} first, by "tell", got another ask; the longest open one can be returned again`;
}
