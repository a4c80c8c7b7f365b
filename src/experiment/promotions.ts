// The ladders of one search: one per arm, with the rewards of that arm's trials; they share trainings. Decisions depend
// only on the reported outcomes and their order, so that they can be restored from the study.

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
  /** The number of reported trials of each ladder. */
  readonly #reported: number[];
  /** The ladders that promoted a member to a rung, and the outcome of that training once it is reported. */
  readonly #trainings = new Map<string, { ladders: Ladder[]; outcome: Outcome | undefined }>();

  /** Restores the ladders from the study's records. */
  constructor(study: Study<object>, { ladders = 1, ladderOf = () => 0, ...rule }: LadderOptions) {
    this.#study = study;
    this.#ladderOf = ladderOf;
    this.#ladders = Array.from({ length: ladders }, () => new Ladder(rule));
    this.#reported = this.#ladders.map(() => 0);
    this.#restore(rule.rungs);
  }

  #restore(rungs: number): void {
    const { log, rungs: records } = this.#study;
    for (const trial of log.reported) this.reportTrial(trial);
    const [promotions, reported] = [records.promotions(), records.reported()];
    for (let rung = 1; rung < rungs; rung++) {
      for (const promotion of promotions) if (promotion.rung === rung) this.#promote(promotion);
      for (const { trial, rung: own, outcome } of reported) if (own === rung) this.reportRung(trial, rung, outcome);
    }
  }

  /** Reports the outcome of a trial. A ladder has only the trained trial of each graph, whichever arm asked for it. */
  reportTrial({ number, outcome, sameAs = number }: FinishedTrial): void {
    const index = this.#ladderOf(number);
    const ladder = this.#ladders[index]!;
    this.#reported[index]!++;
    if ('reward' in outcome && !ladder.has(sameAs)) ladder.finish(sameAs, 0, outcome.reward);
  }

  /** Reports the outcome of a promoted trial at a rung. */
  reportRung(trial: number, rung: number, outcome: Outcome): void {
    const training = this.#trainings.get(`${trial} ${rung}`)!;
    training.outcome = outcome;
    for (const ladder of training.ladders) tell(ladder, trial, rung, outcome);
  }

  /** Returns the next promotion, from the highest rung of all ladders. */
  next(): PromotionRecord | undefined {
    let highest: PromotionRecord | undefined;
    this.#ladders.forEach((ladder, index) => {
      const due = ladder.next();
      if (due && due.rung > (highest?.rung ?? 0)) highest = { ladder: index, ...due };
    });
    return highest;
  }

  /**
   * Records a promotion. Returns whether its training is new; else another ladder has promoted the trial already.
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

  /**
   * Returns the members that may still be promoted, and from which rung.
   * @param trials how many there will be at most
   */
  promotable(trials: number): { member: number; rung: number }[] {
    const toCome = this.#reported.map((reported) => -reported);
    for (let trial = 0; trial < trials; trial++) toCome[this.#ladderOf(trial)]!++;
    return this.#ladders.flatMap((ladder, index) => ladder.promotable(Math.max(0, toCome[index]!)));
  }
}

function tell(ladder: Ladder, member: number, rung: number, outcome: Outcome): void {
  if ('reward' in outcome) ladder.finish(member, rung, outcome.reward);
  else ladder.leave(rung);
}
