// The deciding side of a search: what the strategy is asked and told and who is promoted, in which order, all of it in the log, with
// snapshots of the strategy. The order depends on the outcomes in the study alone, never on the clock.

import type { Strategy, UpdateFigures } from '../search/strategy.ts';
import type { Space } from '../space/search-space.ts';
import { Candidate } from '../study/candidate.ts';
import type { FinishedTrial } from '../study/log.ts';
import type { Study } from '../study/study.ts';
import type { Promotions } from './promotions.ts';
import { restore } from './resume.ts';

export type DialogueEvent =
  | { kind: 'asked'; trial: number; candidate: Candidate }
  /** A trial goes up to a rung; `drawn`: by lot. */
  | { kind: 'promoted'; trial: number; rung: number; drawn: boolean; candidate: Candidate }
  | { kind: 'told'; trial: number; rung: number }
  | { kind: 'updated'; trial: number; figures: UpdateFigures };

export interface DialogueOptions {
  /** What the strategy's decisions stand for. Default: space A. */
  space?: Space | undefined;
  /** How many trials the study shall have in all. */
  trials: number;
  /** When outcomes are told: at places that are known beforehand, or in the order in which they came. */
  inOrder: boolean;
  /**
   * How many trainings may be asked for and not yet told. In order, that at place p (0, 1 … over all rungs) is told when place
   * p + lookahead is to be asked for, one of a higher rung, which takes longer, so many times later with every rung.
   */
  lookahead: number;
  laterPerRung: number;
  eventsPerSnapshot: number;
  promotions?: Promotions | undefined;
}

/** A training that was asked for: a new trial's, at rung 0, or that of a promoted one. */
export interface AskedTraining {
  number: number;
  rung: number;
  candidate: Candidate;
}

interface OpenTraining extends AskedTraining {
  /** The place before which its outcome must be told. */
  due: number;
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
  /** The place of the next training: how many were asked for, over all rungs. */
  #place: number;
  /** Asked for and not yet told, in the order of asking, by key. */
  readonly #open = new Map<string, OpenTraining>();
  /** Those of them that have finished, in the order of finishing. */
  readonly #untold = new Map<string, FinishedTraining>();
  /** The place of the latest ask or tell in the log, and how many there were since the last snapshot. */
  #sequence: number;
  #sinceSnapshot: number;

  /** Brings the fresh strategy to where the study's log ends. Throws a Failure if it does not fit the study. */
  constructor(study: Study<object>, strategy: Strategy, options: DialogueOptions) {
    this.#study = study;
    this.#strategy = strategy;
    this.#options = options;
    const { replayed, sequence } = restore(study, strategy);
    this.replayed = replayed;
    this.#sinceSnapshot = replayed;
    this.#sequence = sequence;
    this.#asked = study.asked;
    const { place, open, untold } = leftOpen(study, options.space);
    this.#place = place;
    for (const { place: own, training } of open) this.#openAt(own, training);
    for (const training of untold) this.#untold.set(keyOf(training), training);
  }

  /** Trainings that were asked for and have not finished, in that order: what must be evaluated, perhaps again. */
  get unfinished(): AskedTraining[] {
    return [...this.#open].flatMap(([key, training]) => (this.#untold.has(key) ? [] : training));
  }

  /** Trainings that were asked for and not yet told, in that order. */
  get open(): AskedTraining[] {
    return [...this.#open.values()];
  }

  /** To be asked after advance(): no outcome is missing, and nothing more is to be asked for. */
  get isOver(): boolean {
    return this.#asked >= this.#options.trials && this.#open.size === 0;
  }

  /** A training has an outcome, and the study has it on disk. */
  finished(training: FinishedTraining): void {
    this.#untold.set(keyOf(training), training);
  }

  /** Asks, promotes and tells as far as the outcomes allow; when it returns, all of it is on disk. */
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

  /** Keeps the strategy as it is after its latest event, unless that is kept already. */
  snapshot(): void {
    if (this.#sinceSnapshot === 0) return;
    this.#study.log.snapshot(this.#sequence, this.#strategy.name, this.#strategy.save());
    this.#sinceSnapshot = 0;
  }

  #openAt(place: number, training: AskedTraining): void {
    const { lookahead, laterPerRung } = this.#options;
    this.#open.set(keyOf(training), { ...training, due: place + lookahead * laterPerRung ** training.rung });
  }

  #hasRoom(): boolean {
    const { inOrder, lookahead } = this.#options;
    return inOrder ? (this.#firstDue()?.due ?? this.#place + 1) > this.#place : this.#open.size < lookahead;
  }

  #nextToTell(): FinishedTraining | undefined {
    if (!this.#options.inOrder) return this.#untold.values().next().value;
    const first = this.#firstDue();
    return first && this.#untold.get(keyOf(first));
  }

  /** Of those that are due at one place the one that was asked for first. */
  #firstDue(): OpenTraining | undefined {
    let first: OpenTraining | undefined;
    for (const training of this.#open.values()) if (!first || training.due < first.due) first = training;
    return first;
  }

  /** The next training of a promoted trial, if one is due. */
  #promote(events: DialogueEvent[]): AskedTraining | undefined {
    const { promotions } = this.#options;
    for (;;) {
      const due = promotions?.next();
      if (!due) return undefined;
      if (!promotions!.take(due, this.#asked)) continue; // another arm's promotion has paid for it
      const { member: number, rung, drawn } = due;
      const candidate = new Candidate(this.#study.trial(number)!.decisions, this.#options.space);
      const training = { number, rung, candidate };
      this.#openAt(this.#place++, training);
      events.push({ kind: 'promoted', trial: number, rung, drawn, candidate });
      return training;
    }
  }

  #ask(events: DialogueEvent[]): AskedTraining | undefined {
    if (this.#asked >= this.#options.trials) return undefined;
    const number = this.#asked++;
    const candidate = new Candidate(this.#strategy.ask(number), this.#options.space);
    const training = { number, rung: 0, candidate };
    this.#sequence = this.#study.log.ask(number, candidate.decisions);
    this.#sinceSnapshot++;
    this.#openAt(this.#place++, training);
    events.push({ kind: 'asked', trial: number, candidate });
    return training;
  }

  /** The strategy learns the outcome of rung 0, which is measured alike for all; the ladder that of every rung. */
  #tell(finished: FinishedTraining, events: DialogueEvent[]): void {
    const { number, rung, outcome } = finished;
    const key = keyOf(finished);
    this.#untold.delete(key);
    this.#open.delete(key);
    events.push({ kind: 'told', trial: number, rung });
    if (rung > 0) {
      this.#study.rungs.at(rung).tell(number);
      this.#options.promotions?.toldRung(number, rung, outcome);
      return;
    }
    const figures = this.#strategy.tell(number, outcome);
    this.#sequence = this.#study.log.tell(number);
    this.#sinceSnapshot++;
    this.#options.promotions?.toldTrial(finished);
    if (!figures) return;
    this.#study.log.update(number, figures);
    events.push({ kind: 'updated', trial: number, figures });
  }
}

export const keyOf = ({ number, rung }: { number: number; rung: number }): string => `${number} ${rung}`;

/** What an earlier process left open, with its places and in their order, and what of it has finished, in that order. */
function leftOpen({ log, rungs, asked }: Study<object>, space: Space | undefined) {
  const wanted = rungs.wanted(); // number of trials asked for before each, never falling
  const climbing = rungs.open();
  const untoldTrials = log.untold;
  const open = [
    ...[...log.unfinished, ...untoldTrials].map(({ number, decisions }) => ({
      place: number + wanted.filter((before) => before <= number).length,
      training: { number, rung: 0, candidate: new Candidate(decisions, space) },
    })),
    ...climbing.map(({ trial: number, rung, decisions, place }) => {
      return { place, training: { number, rung, candidate: new Candidate(decisions, space) } };
    }),
  ];
  const untold = [
    ...untoldTrials.map((trial) => ({ ...trial, rung: 0 })),
    ...climbing.flatMap(({ trial, rung, finished }) => (finished ? [{ number: trial, rung, ...finished }] : [])),
  ];
  return {
    place: asked + wanted.length,
    open: open.sort((a, b) => a.place - b.place),
    untold: untold.sort((a, b) => a.finishedAs - b.finishedAs),
  };
}
