// The remaining time of a running search: of its running, queued and future trainings, corrected by every finished
// child. It has no influence on decisions.

import { childTrainings, type TrainingOf } from '../forecast/equal-cost.ts';
import { measuredCost, storePrediction } from '../forecast/learning.ts';
import { type CostTerms, type ImageCounts, TrainingTerms } from '../forecast/prediction.ts';
import type { Forecast } from '../forecast/search-forecast.ts';
import { sum } from '../statistics/order.ts';
import { Candidate } from '../study/candidate.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { SearchEvent } from './search-loop.ts';

export interface OutlookOptions {
  counts: ImageCounts;
  /** The target number of trials. */
  trials: number;
  /** The forecast of the whole search, and the prediction that is corrected. */
  forecast: Pick<Forecast, 'prediction' | 'record' | 'workers' | 'estimate'>;
}

/** A training that is queued or running. */
interface Expected {
  terms: CostTerms;
  epochs: number;
}

interface UnderWay extends Expected {
  startedAt: number;
  /** Latest reported progress of the training, 0 to 1. */
  share: number;
}

const trainingsBetweenStores = 50;
const latest = 20; // an update of the paper's controller

type Place = { trial: number; rung?: number };

export class SearchOutlook {
  readonly #study: Study<SearchSettings>;
  #trials: number;
  readonly #forecast: OutlookOptions['forecast'];
  /** Typical seconds of an unknown child, and the seconds of higher rungs per second of a child. */
  readonly #typical: { seconds: number; climbing: number };
  readonly #counts: ImageCounts;
  /** A cell's training at each rung. */
  readonly #trainings: readonly TrainingOf[];
  readonly #waiting = new Map<string, Expected>();
  readonly #running = new Map<string, UnderWay>();
  /** Terms of the latest children, since the strategy's choices change. */
  #latest: CostTerms[] = [];
  #asked: number;
  #workers: number;
  #kinds: ReadonlyMap<string, number> = new Map();

  constructor(study: Study<SearchSettings>, { counts, trials, forecast }: OutlookOptions) {
    this.#study = study;
    this.#trials = trials;
    this.#forecast = forecast;
    this.#workers = forecast.workers;
    this.#typical = typicalOf(forecast);
    const { settings } = study;
    this.#counts = counts;
    this.#trainings = childTrainings(settings, counts);
    this.#asked = study.asked;
    const candidateOf = (decisions: number[]) => new Candidate(decisions, settings.space);
    for (const { number, decisions } of study.log.unfinished) this.#wait({ trial: number }, candidateOf(decisions));
    for (const { finished, decisions, ...place } of study.rungs.open())
      if (!finished) this.#wait(place, candidateOf(decisions));
    this.keep();
  }

  /** Call it with every event of the search. */
  on(event: SearchEvent): void {
    switch (event.kind) {
      case 'asked':
        this.#asked = Math.max(this.#asked, event.trial + 1);
        this.#latest = [...this.#latest.slice(1 - latest), this.#wait(event, event.candidate)];
        break;
      case 'promoted':
        this.#wait(event, event.candidate);
        break;
      case 'started': {
        const expected = this.#waiting.get(keyOf(event));
        if (expected) this.#running.set(keyOf(event), { ...expected, startedAt: performance.now(), share: 0 });
        break;
      }
      case 'epoch': {
        const child = this.#running.get(keyOf(event));
        if (child) child.share = Math.min(1, event.report.epoch / child.epochs);
        break;
      }
      case 'retried':
        this.#running.delete(keyOf(event));
        break;
      case 'failed':
        this.#finished(event);
        break;
      case 'done': {
        const { prediction } = this.#forecast;
        const { seconds, sameAs, details } = event;
        const terms = this.#finished(event);
        const cost = measuredCost(seconds, details);
        if (!terms || !cost || sameAs !== undefined) break;
        prediction.observe(terms, cost);
        if (prediction.children % trainingsBetweenStores === 0) this.keep();
        break;
      }
    }
  }

  #wait(place: Place, candidate: Candidate): CostTerms {
    const training = this.#trainings[place.rung ?? 0]!(candidate);
    const terms = new TrainingTerms(this.#study.settings, training, this.#counts).of(candidate);
    this.#waiting.set(keyOf(place), { terms, epochs: training.recipe.epochs });
    return terms;
  }

  #finished(place: Place): CostTerms | undefined {
    const expected = this.#waiting.get(keyOf(place));
    this.#running.delete(keyOf(place));
    this.#waiting.delete(keyOf(place));
    return expected?.terms;
  }

  /** Changes the target number of trials. */
  expect(trials: number): void {
    this.#trials = trials;
  }

  /**
   * Changes the workers: how many children they train at once, by their kind of machine if that is known. With no
   * worker there, the time left is that with one.
   */
  changeWorkers(count: number, kinds: ReadonlyMap<string, number> = new Map()): void {
    this.#workers = Math.max(1, count);
    this.#kinds = kinds;
  }

  /** Returns the predicted wall-clock seconds of a future child, including its share of higher rungs. */
  perChild(): number {
    return (this.#each * (1 + this.#typical.climbing)) / this.#workers;
  }

  /**
   * Returns the predicted seconds until `trials` children are trained, by default all. Repeats of trained graphs, whose
   * number is unknown, count as trainings.
   */
  left(now = performance.now(), trials = this.#trials): number {
    const running = [...this.#running.values()].map(({ terms, startedAt, share }) => {
      const elapsed = (now - startedAt) / 1000;
      return share > 0 ? (elapsed * (1 - share)) / share : Math.max(0, this.#seconds(terms) - elapsed);
    });
    const queued = [...this.#waiting].filter(([key]) => !this.#running.has(key));
    const unasked = Math.max(0, trials - this.#asked);
    const work = sum([...running, ...queued.map(([, { terms }]) => this.#seconds(terms))]);
    return Math.max(work / this.#workers + unasked * this.perChild(), ...running);
  }

  #seconds(terms: CostTerms): number {
    return this.#forecast.prediction.secondsOn(this.#kinds, terms);
  }

  /** Predicted seconds of a future child. */
  get #each(): number {
    if (this.#latest.length === 0) return this.#typical.seconds;
    return sum(this.#latest.map((terms) => this.#seconds(terms))) / this.#latest.length;
  }

  /** Stores the corrected prediction in the study. */
  keep(): void {
    storePrediction(this.#study, this.#forecast.record, this.#forecast.prediction);
  }
}

function typicalOf({ estimate: { children, ladder }, workers }: OutlookOptions['forecast']) {
  const work = children.count * children.each.mean;
  return { seconds: children.each.mean, climbing: ladder && work > 0 ? (ladder.seconds * workers) / work : 0 };
}

const keyOf = ({ trial, rung = 0 }: Place) => `${trial} ${rung}`;
