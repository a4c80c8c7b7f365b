// The ladders of one search: each arm has its own, fed with what that arm's trials reached, and all share the
// trainings. What is decided depends on the outcomes that were told and on their order alone, so that it can be brought
// back from the study.

import type { Outcome } from '../search/strategy.ts';
import { Ladder } from '../selection/ladder.ts';
import type { LadderOptions } from '../selection/ladder-options.ts';
import type { FinishedTrial } from '../study/log.ts';
import type { PromotionRecord } from '../study/rungs.ts';
import type { Study } from '../study/study.ts';

export class Promotions {
  readonly #study: Study<object>;
  readonly #ladders: Ladder[];
  readonly #ladderOf: (trial: number) => number;
  /** Of each ladder: how many of the search's trials it was not told of. */
  readonly #toCome: number[];
  /** Ladders that promoted a member to a rung, and what the training there gave once it was told. */
  readonly #trainings = new Map<string, { ladders: Ladder[]; outcome: Outcome | undefined }>();

  /** As the study's records have it. `trials`: how many the search shall have in all. */
  constructor(study: Study<object>, { ladders = 1, ladderOf = () => 0, ...rule }: LadderOptions, trials: number) {
    this.#study = study;
    this.#ladderOf = ladderOf;
    this.#ladders = Array.from({ length: ladders }, () => new Ladder(rule));
    this.#toCome = this.#ladders.map(() => 0);
    for (let trial = 0; trial < trials; trial++) this.#toCome[ladderOf(trial)]!++;
    this.#restore(rule.rungs);
  }

  #restore(rungs: number): void {
    const { log, rungs: records } = this.#study;
    for (const trial of log.told) this.toldTrial(trial);
    const [promotions, told] = [records.promotions(), records.told()];
    for (let rung = 1; rung < rungs; rung++) {
      for (const promotion of promotions) if (promotion.rung === rung) this.#promote(promotion);
      for (const { trial, rung: own, outcome } of told) if (own === rung) this.toldRung(trial, rung, outcome);
    }
  }

  /** A trial has its outcome. Of one graph a ladder knows only the trial that was trained, whosoever's it is. */
  toldTrial({ number, outcome, sameAs = number }: FinishedTrial): void {
    const index = this.#ladderOf(number);
    const ladder = this.#ladders[index]!;
    this.#toCome[index]!--;
    if ('reward' in outcome && !ladder.has(sameAs)) ladder.finish(sameAs, 0, outcome.reward);
  }

  /** A promoted trial has its outcome at that rung. */
  toldRung(trial: number, rung: number, outcome: Outcome): void {
    const training = this.#trainings.get(`${trial} ${rung}`)!;
    training.outcome = outcome;
    for (const ladder of training.ladders) tell(ladder, trial, rung, outcome);
  }

  /** The promotion that is due, from the highest rung of all ladders. */
  next(): PromotionRecord | undefined {
    let highest: PromotionRecord | undefined;
    this.#ladders.forEach((ladder, index) => {
      const due = ladder.next();
      if (due && due.rung > (highest?.rung ?? 0)) highest = { ladder: index, ...due };
    });
    return highest;
  }

  /**
   * Writes a due promotion down. Returns whether its training is wanted for the first time; else another ladder has
   * paid for it.
   */
  take(promotion: PromotionRecord, asked: number): boolean {
    const wanted = this.#study.rungs.promote(promotion, asked);
    this.#promote(promotion);
    return wanted;
  }

  #promote({ ladder: index, ...promotion }: PromotionRecord): void {
    const ladder = this.#ladders[index]!;
    const { member, rung } = promotion;
    ladder.promote(promotion);
    const key = `${member} ${rung}`;
    const training = this.#trainings.get(key);
    if (!training) this.#trainings.set(key, { ladders: [ladder], outcome: undefined });
    else {
      training.ladders.push(ladder);
      if (training.outcome) tell(ladder, member, rung, training.outcome);
    }
  }

  /** Who may still be promoted in this search, and from which rung. */
  promotable(): { member: number; rung: number }[] {
    return this.#ladders.flatMap((ladder, index) => ladder.promotable(Math.max(0, this.#toCome[index]!)));
  }
}

function tell(ladder: Ladder, member: number, rung: number, outcome: Outcome): void {
  if ('reward' in outcome) ladder.finish(member, rung, outcome.reward);
  else ladder.leave(rung);
}
