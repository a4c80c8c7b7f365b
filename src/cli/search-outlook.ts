// What is still ahead of a running search: foretold before it starts, corrected by every child that finishes.

import type { ExperimentEvent } from '../study/experiment.ts';
import type { CostTerms, ImageCounts, Prediction } from '../study/prediction.ts';
import { waiting } from '../study/prediction-estimate.ts';
import { keepPrediction, memoryOf, type PredictionRecord, predictionOf } from '../study/prediction-record.ts';
import type { SearchSettings } from '../study/preset.ts';
import type { Study } from '../study/study.ts';
import { estimateOf, type Start, startOf, workersFor } from './search-start.ts';
import { adviceFor, estimateLines } from './search-words.ts';

export interface OutlookOptions {
  /** How many the study shall have in all. */
  trials: number;
  workers: number;
  /** Whether the user asked for so many workers. */
  asked: boolean;
  /** Of a search that begins. */
  start: Start | undefined;
}

interface UnderWay {
  seconds: number;
  startedAt: number;
  /** Share of its training that is done, as it last said. */
  share: number;
}

const keptEvery = 50; // children

export class SearchOutlook {
  readonly workers: number;
  readonly #study: Study<SearchSettings>;
  readonly #trials: number;
  readonly #prediction: Prediction;
  readonly #record: PredictionRecord;
  /** Seconds that a child takes of which nothing is known yet. */
  readonly #typical: number;
  readonly #waiting = new Map<number, CostTerms>();
  readonly #running = new Map<number, UnderWay>();
  /** Of the children asked for last. */
  #latest: CostTerms[] = [];
  #asked: number;

  /** Says what the search will take and, where it is too much for this machine, what it does about that. */
  static async of(
    study: Study<SearchSettings>,
    counts: ImageCounts,
    { trials, workers: wanted, asked, start }: OutlookOptions,
    note: (line: string) => void,
  ): Promise<SearchOutlook> {
    const { settings } = study;
    const { done, failed } = study.summary().trials;
    const left = Math.max(0, trials - done - failed);
    const searching = { settings, counts, trials: left, workers: wanted };
    let known = predictionOf(study, counts, wanted, start);
    if (!start && left > 0 && known.prediction.children === 0 && !known.record.measured)
      known = predictionOf(study, counts, wanted, await startOf(searching, false, note));
    const { laws } = known.prediction;
    const { workers, warning } = workersFor(wanted, asked, estimateOf(searching, laws).memory);
    const estimate = estimateOf({ ...searching, workers }, laws);
    if (warning && left > 0) note(warning);
    if (left > 0) for (const line of estimateLines(estimate)) note(line);
    const advice = left > 0 && adviceFor(estimate, settings);
    if (advice) note(advice);
    return new SearchOutlook(study, trials, workers, known, estimate.children.each.mean);
  }

  private constructor(
    study: Study<SearchSettings>,
    trials: number,
    workers: number,
    { prediction, record }: { prediction: Prediction; record: PredictionRecord },
    typical: number,
  ) {
    this.#study = study;
    this.#trials = trials;
    this.workers = workers;
    this.#prediction = prediction;
    this.#record = record;
    this.#typical = typical;
    this.#asked = study.asked;
    for (const { number, decisions } of study.log.unfinished) this.#waiting.set(number, prediction.terms.of(decisions));
    this.keep();
  }

  /** To be given every event. */
  on(event: ExperimentEvent): void {
    switch (event.kind) {
      case 'asked': {
        const terms = this.#prediction.terms.of(event.decisions);
        this.#waiting.set(event.trial, terms);
        this.#asked = Math.max(this.#asked, event.trial + 1);
        this.#latest = [...this.#latest.slice(-19), terms];
        break;
      }
      case 'started': {
        const terms = this.#waiting.get(event.trial);
        if (!terms) break;
        const { seconds } = this.#prediction.of(terms);
        this.#running.set(event.trial, { seconds, startedAt: performance.now(), share: 0 });
        break;
      }
      case 'epoch': {
        const child = this.#running.get(event.trial);
        if (child) child.share = event.report.epoch / this.#study.settings.child.recipe.epochs;
        break;
      }
      case 'retried':
        this.#running.delete(event.trial);
        break;
      case 'failed':
        this.#finished(event.trial);
        break;
      case 'done': {
        const terms = this.#waiting.get(event.trial);
        const { seconds, sameAs, details } = event;
        if (terms && sameAs === undefined) this.#prediction.observe(terms, { seconds, memory: memoryOf(details) });
        this.#finished(event.trial);
        if (this.#prediction.children % keptEvery === 0) this.keep();
        break;
      }
    }
  }

  #finished(trial: number): void {
    this.#running.delete(trial);
    this.#waiting.delete(trial);
  }

  /** Seconds until all children are trained, repeats of known graphs not counted out. */
  left(now = performance.now()): number {
    const running = [...this.#running.values()].map(({ seconds, startedAt, share }) => {
      const gone = (now - startedAt) / 1000;
      return Math.max(share > 0 ? (gone * (1 - share)) / share : seconds - gone, 0);
    });
    const queued = [...this.#waiting]
      .filter(([trial]) => !this.#running.has(trial))
      .map(([, terms]) => this.#prediction.of(terms).seconds);
    const unasked = Math.max(0, this.#trials - this.#asked);
    const work = sum([...running, ...queued]) + unasked * this.#each;
    return Math.max(waiting(1, work, this.workers), ...running);
  }

  /** Of a child that is not asked for yet: as those that were asked for last, while the strategy changes what it asks for. */
  get #each(): number {
    if (this.#latest.length === 0) return this.#typical;
    return sum(this.#latest.map((terms) => this.#prediction.of(terms).seconds)) / this.#latest.length;
  }

  /** Keeps in the study what was learnt, so that going on goes on from there. */
  keep(): void {
    keepPrediction(this.#study, this.#record, this.#prediction);
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
