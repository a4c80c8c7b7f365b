// Makes the decisions of a search: asks the strategy, reports outcomes to it and promotes trials, all recorded in the
// log, with snapshots of the strategy. The order depends only on the outcomes in the study, never on the clock.

import type { Outcome, Policy, Strategy, UpdateFigures } from '../search/strategy.ts';
import type { Space } from '../space/search-space.ts';
import { Candidate } from '../study/candidate.ts';
import type { FinishedTrial, TrialOrigin } from '../study/log.ts';
import type { Study } from '../study/study.ts';
import type { Promotions } from './promotions.ts';
import { restore } from './resume.ts';

export type DialogueEvent =
  | { kind: 'asked'; trial: number; candidate: Candidate }
  /** A trial is promoted to a rung; `atRandom`: whatever its reward. */
  | { kind: 'promoted'; trial: number; rung: number; atRandom: boolean; candidate: Candidate }
  | { kind: 'reported'; trial: number; rung: number }
  | { kind: 'updated'; trial: number; figures: UpdateFigures };

export interface DialogueOptions {
  /** The search space of the decisions. Default: space A. */
  space?: Space | undefined;
  /** The target number of trials. */
  trials: number;
  /**
   * Whether another trial is asked for after `asked` trials. It is not called again after it returned false. Default:
   * always.
   */
  mayAsk?: ((asked: number) => boolean) | undefined;
  /** Whether outcomes are reported at predetermined places; else in the order in which they come. */
  inOrder: boolean;
  /**
   * The number of trainings that may be open. In order, the training at place p (0, 1 … over all rungs) is reported
   * before place p + lookahead is asked for; for higher rungs, which take longer, lookahead is multiplied by
   * `laterPerRung` per rung. A function: the number now, where it follows the workers.
   */
  lookahead: number | (() => number);
  laterPerRung: number;
  /** Not in order: the number of trainings that may be open now, where that changes. Default: lookahead. */
  openNow?: (() => number) | undefined;
  eventsPerSnapshot: number;
  promotions?: Promotions | undefined;
  /** Returns the decisions of a cell that a person named, once, for a trial in place of the strategy's. */
  named?: ((trial: number) => readonly number[] | undefined) | undefined;
}

/** A training that was asked for: of a new trial at rung 0, or of a promoted trial. */
export interface AskedTraining {
  number: number;
  rung: number;
  candidate: Candidate;
}

interface OpenTraining extends AskedTraining {
  place: number;
}

export interface FinishedTraining extends FinishedTrial {
  rung: number;
}

export class Dialogue {
  readonly #study: Study<object>;
  readonly #strategy: Strategy;
  readonly #options: DialogueOptions;
  readonly replayed: number;
  #asked: number;
  /** The place of the next training: the number of trainings asked for, over all rungs. */
  #place: number;
  /** Open trainings (not reported yet) by key, in the order of the asks. */
  readonly #open = new Map<string, OpenTraining>();
  /** Finished ones among them, in the order in which they finished. */
  readonly #unreported = new Map<string, FinishedTraining>();
  /** The sequence number of the latest ask or tell, and the number of them since the last snapshot. */
  #sequence: number;
  #sinceSnapshot: number;
  #closed = false;
  #trials: number;
  readonly #byHand: Set<number>;
  /** The latest recorded policy of each arm. */
  readonly #policies = new Map<number, number>();

  /** Restores a new strategy from the study's log. @throws Failure if it does not fit the study */
  constructor(study: Study<object>, strategy: Strategy, options: DialogueOptions) {
    this.#study = study;
    this.#strategy = strategy;
    this.#options = options;
    this.#trials = options.trials;
    this.#byHand = study.log.byHand;
    const { replayed, sequence } = restore(study, strategy);
    this.replayed = replayed;
    this.#sinceSnapshot = replayed;
    this.#sequence = sequence;
    this.#asked = study.asked;
    const { place, open, unreported } = leftOpen(study, options.space);
    this.#place = place;
    for (const { place: own, training } of open) this.#openAt(own, training);
    for (const training of unreported) this.#unreported.set(keyOf(training), training);
  }

  /** Trainings without an outcome, in the order of the asks. They must be evaluated, perhaps again. */
  get unfinished(): AskedTraining[] {
    return [...this.#open].flatMap(([key, training]) => (this.#unreported.has(key) ? [] : training));
  }

  /** Open trainings (not reported yet), in the order of the asks. */
  get open(): AskedTraining[] {
    return [...this.#open.values()];
  }

  /** Whether the search is over: no outcome is missing and nothing more is asked for. Valid after advance(). */
  get isOver(): boolean {
    return (this.#closed || this.#asked >= this.#trials) && this.#open.size === 0;
  }

  /** The number of trials that there will be at most. */
  get most(): number {
    return this.#closed ? this.#asked : this.#trials;
  }

  get target(): number {
    return this.#trials;
  }

  /** Asks for so many trials in all from now on; as many as were asked for at least. */
  aimAt(trials: number): void {
    this.#trials = Math.max(trials, this.#asked);
  }

  /** Adds the outcome of a training, which the study must have on disk. */
  finished(training: FinishedTraining): void {
    this.#unreported.set(keyOf(training), training);
  }

  /** Asks, promotes and reports as far as the outcomes allow; all of it is on disk when this returns. */
  advance(): { asked: AskedTraining[]; events: DialogueEvent[] } {
    const events: DialogueEvent[] = [];
    const asked: AskedTraining[] = [];
    if (!this.#hasRoom() && this.#nextToTell() === undefined) return { asked, events };
    this.#study.transaction(() => {
      for (;;) {
        const more = this.#hasRoom() ? (this.#promote(events) ?? this.#ask(events)) : undefined; // promotions go first
        const next = this.#nextToTell();
        if (more) asked.push(more);
        else if (next) this.#tell(next, events);
        else break;
        if (this.#sinceSnapshot >= this.#options.eventsPerSnapshot) this.snapshot();
      }
    });
    return { asked, events };
  }

  /** Stores a snapshot of the strategy after its latest event, unless there is one. */
  snapshot(): void {
    if (this.#sinceSnapshot === 0) return;
    this.#study.log.snapshot(this.#sequence, this.#strategy.name, this.#strategy.save());
    this.#sinceSnapshot = 0;
  }

  #openAt(place: number, training: AskedTraining): void {
    this.#open.set(keyOf(training), { ...training, place });
  }

  get #lookahead(): number {
    const { lookahead } = this.#options;
    return typeof lookahead === 'number' ? lookahead : lookahead();
  }

  /** Returns the place before which an outcome must be reported. */
  #dueOf({ place, rung }: OpenTraining): number {
    return place + this.#lookahead * this.#options.laterPerRung ** rung;
  }

  #hasRoom(): boolean {
    const { inOrder, openNow } = this.#options;
    if (!inOrder) return this.#open.size < (openNow?.() ?? this.#lookahead);
    const first = this.#firstDue();
    return first === undefined || this.#dueOf(first) > this.#place;
  }

  #nextToTell(): FinishedTraining | undefined {
    if (!this.#options.inOrder) return this.#unreported.values().next().value;
    const first = this.#firstDue();
    return first && this.#unreported.get(keyOf(first));
  }

  /** Returns the training that is due; of several the one that was asked for first. */
  #firstDue(): OpenTraining | undefined {
    let first: OpenTraining | undefined;
    for (const training of this.#open.values())
      if (!first || this.#dueOf(training) < this.#dueOf(first)) first = training;
    return first;
  }

  /** Returns the next training of a promoted trial, if one is due. */
  #promote(events: DialogueEvent[]): AskedTraining | undefined {
    const { promotions } = this.#options;
    for (;;) {
      const due = promotions?.next();
      if (!due) return undefined;
      if (!promotions!.take(due, this.#asked)) continue; // another arm's promotion has trained it
      const { member: number, rung, atRandom } = due;
      const candidate = new Candidate(this.#study.trial(number)!.decisions, this.#options.space);
      const training = { number, rung, candidate };
      this.#openAt(this.#place++, training);
      events.push({ kind: 'promoted', trial: number, rung, atRandom, candidate });
      return training;
    }
  }

  #ask(events: DialogueEvent[]): AskedTraining | undefined {
    const { mayAsk } = this.#options;
    this.#closed ||= mayAsk?.(this.#asked) === false;
    if (this.#closed || this.#asked >= this.#trials) return undefined;
    const number = this.#asked++;
    const { decisions, origin, policy } = this.#decide(number);
    const candidate = new Candidate(decisions, this.#options.space);
    const training = { number, rung: 0, candidate };
    this.#sequence = this.#study.log.ask(number, candidate.decisions, origin);
    if (policy) this.#recordPolicy(number, policy);
    this.#sinceSnapshot++;
    this.#openAt(this.#place++, training);
    events.push({ kind: 'asked', trial: number, candidate });
    return training;
  }

  /** Returns a cell that a person named, or what the strategy decides. */
  #decide(number: number): { decisions: readonly number[]; origin?: TrialOrigin; policy?: Policy | undefined } {
    const named = this.#options.named?.(number);
    if (named) {
      this.#byHand.add(number);
      return { decisions: named, origin: { byHand: true } };
    }
    const decisions = this.#strategy.ask(number);
    const { parent, policy } = this.#strategy.background?.(number) ?? {};
    return { decisions, policy, ...(parent !== undefined && { origin: { parent } }) };
  }

  #recordPolicy(number: number, policy: Policy): void {
    const { arm = 0, update } = policy;
    if (this.#policies.get(arm) === update) return;
    this.#policies.set(arm, update);
    this.#study.log.policy(number, policy);
  }

  /**
   * Reports an outcome: that of rung 0, which is comparable for all trials, to the strategy; that of any rung to the
   * ladder.
   */
  #tell(finished: FinishedTraining, events: DialogueEvent[]): void {
    const { number, rung, outcome } = finished;
    const key = keyOf(finished);
    const { decisions } = this.#open.get(key)!.candidate;
    this.#unreported.delete(key);
    this.#open.delete(key);
    events.push({ kind: 'reported', trial: number, rung });
    if (rung > 0) {
      this.#study.rungs.at(rung).tell(number);
      this.#options.promotions?.reportRung(number, rung, outcome);
      return;
    }
    const figures = this.#byHand.has(number)
      ? this.#learn(decisions, outcome, number)
      : this.#strategy.tell(number, outcome);
    this.#sequence = this.#study.log.tell(number);
    this.#sinceSnapshot++;
    this.#options.promotions?.reportTrial(finished);
    if (!figures) return;
    this.#study.log.update(number, figures);
    events.push({ kind: 'updated', trial: number, figures });
  }

  /** Reports the outcome of a cell that a person named. */
  #learn(decisions: readonly number[], outcome: Outcome, trial: number): undefined {
    if ('reward' in outcome) this.#strategy.learn?.(decisions, outcome.reward, trial);
  }
}

export const keyOf = ({ number, rung }: { number: number; rung: number }): string => `${number} ${rung}`;

/**
 * Returns the open trainings of an earlier process with their places, and the finished ones among them, each in order.
 */
function leftOpen({ log, rungs, asked }: Study<object>, space: Space | undefined) {
  const wanted = rungs.wanted(); // number of trials asked for before each, never falling
  const climbing = rungs.open();
  const unreportedTrials = log.unreported;
  const open = [
    ...[...log.unfinished, ...unreportedTrials].map(({ number, decisions }) => ({
      place: number + wanted.filter((before) => before <= number).length,
      training: { number, rung: 0, candidate: new Candidate(decisions, space) },
    })),
    ...climbing.map(({ trial: number, rung, decisions, place }) => {
      return { place, training: { number, rung, candidate: new Candidate(decisions, space) } };
    }),
  ];
  const unreported = [
    ...unreportedTrials.map((trial) => ({ ...trial, rung: 0 })),
    ...climbing.flatMap(({ trial, rung, finished }) => (finished ? [{ number: trial, rung, ...finished }] : [])),
  ];
  return {
    place: asked + wanted.length,
    open: open.sort((a, b) => a.place - b.place),
    unreported: unreported.sort((a, b) => a.finishedAs - b.finishedAs),
  };
}
