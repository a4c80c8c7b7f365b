// The strategy's side of a search: what it is asked and told, in which order, and its snapshots, all of it in the log.
// The order depends on the outcomes in the study alone, never on the clock.

import type { Strategy } from '../search/strategy.ts';
import type { FinishedTrial, UnfinishedTrial } from './log.ts';
import { restore } from './resume.ts';
import type { Study } from './study.ts';

export type DialogueEvent =
  | { kind: 'asked'; trial: number; decisions: number[] }
  | { kind: 'told'; trial: number }
  | { kind: 'updated'; trial: number; figures: Record<string, number> };

export interface DialogueOptions {
  /** How many trials the study shall have in all. */
  trials: number;
  /** Tell outcomes in the order of the asks; else in the order in which they came. */
  inOrder: boolean;
  /** How many trials may be asked for and not yet told. */
  lookahead: number;
  eventsPerSnapshot: number;
}

export class Dialogue {
  readonly #study: Study<object>;
  readonly #strategy: Strategy;
  readonly #options: DialogueOptions;
  readonly replayed: number;
  #asked: number;
  #told: number;
  /** Finished and not told yet, in the order of finishing. */
  readonly #untold = new Map<number, FinishedTrial>();
  /** The place of the latest ask or tell in the log, and how many there were since the last snapshot. */
  #sequence: number;
  #sinceSnapshot: number;
  #figures: string;

  /** Brings the fresh strategy to where the study's log ends. Throws a Failure if it does not fit the study. */
  constructor(study: Study<object>, strategy: Strategy, options: DialogueOptions) {
    this.#study = study;
    this.#strategy = strategy;
    this.#options = options;
    const { replayed, sequence } = restore(study, strategy);
    this.replayed = replayed;
    this.#sinceSnapshot = replayed;
    this.#sequence = sequence;
    this.#figures = this.#currentFigures();
    this.#asked = study.asked;
    for (const finished of study.log.untold) this.#untold.set(finished.number, finished);
    this.#told = this.#asked - this.#untold.size - study.log.unfinished.length;
  }

  get isOver(): boolean {
    return this.#told >= this.#options.trials && this.#told === this.#asked;
  }

  /** A trial has an outcome, and the study has it on disk. */
  finished(trial: FinishedTrial): void {
    this.#untold.set(trial.number, trial);
  }

  /** Asks and tells as far as the outcomes allow; when it returns, all of it is on disk. */
  advance(): { asked: UnfinishedTrial[]; events: DialogueEvent[] } {
    const events: DialogueEvent[] = [];
    const asked: UnfinishedTrial[] = [];
    if (!this.#mayAsk() && this.#nextToTell() === undefined) return { asked, events };
    this.#study.transaction(() => {
      for (;;) {
        const next = this.#nextToTell();
        if (this.#mayAsk()) asked.push(this.#ask(events));
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

  #mayAsk(): boolean {
    return this.#asked < this.#options.trials && this.#asked - this.#told < this.#options.lookahead;
  }

  #nextToTell(): FinishedTrial | undefined {
    return this.#options.inOrder ? this.#untold.get(this.#told) : this.#untold.values().next().value;
  }

  #ask(events: DialogueEvent[]): UnfinishedTrial {
    const number = this.#asked++;
    const decisions = this.#strategy.ask(number);
    this.#sequence = this.#study.log.ask(number, decisions);
    this.#sinceSnapshot++;
    events.push({ kind: 'asked', trial: number, decisions });
    return { number, decisions, running: false };
  }

  #tell({ number, outcome }: FinishedTrial, events: DialogueEvent[]): void {
    this.#untold.delete(number);
    this.#told++;
    this.#strategy.tell(number, outcome);
    this.#sequence = this.#study.log.tell(number);
    this.#sinceSnapshot++;
    events.push({ kind: 'told', trial: number });
    const text = this.#currentFigures();
    if (text === this.#figures) return;
    this.#figures = text;
    const figures: Record<string, number> = JSON.parse(text);
    this.#study.log.update(number, figures);
    events.push({ kind: 'updated', trial: number, figures });
  }

  /** As text: a strategy that updates itself has new figures afterwards. */
  #currentFigures(): string {
    return JSON.stringify(this.#strategy.diagnostics?.() ?? {});
  }
}
