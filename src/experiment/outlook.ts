// What is still ahead of a running search: how long its trainings under way, waiting and not asked for yet will take, corrected by every
// child that finishes. It decides nothing.

import { keepPrediction, tookOf } from '../forecast/learning.ts';
import { type CostTerms, type ImageCounts, TrainingTerms } from '../forecast/prediction.ts';
import type { Forecast } from '../forecast/search-forecast.ts';
import { sum } from '../statistics/order.ts';
import { Candidate } from '../study/candidate.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { SearchEvent } from './search-loop.ts';

export interface OutlookOptions {
  counts: ImageCounts;
  /** The target number of trials. */
  trials: number;
  /** What the search takes as a whole, and what its prediction is learnt by. */
  forecast: Pick<Forecast, 'prediction' | 'record' | 'workers' | 'estimate'>;
}

interface UnderWay {
  terms: CostTerms;
  startedAt: number;
  /** Share of its training that is done, as it last said. */
  share: number;
}

const keptEvery = 50; // trainings
const latest = 20; // an update of the paper's controller

type Place = { trial: number; rung?: number };

export class SearchOutlook {
  readonly #study: Study<SearchSettings>;
  readonly #trials: number;
  readonly #forecast: OutlookOptions['forecast'];
  /** Seconds of a child of which nothing is known yet, and for each of its seconds those of the ladder above. */
  readonly #typical: { seconds: number; climbing: number };
  /** Of every rung's training. */
  readonly #terms: readonly TrainingTerms[];
  readonly #waiting = new Map<string, CostTerms>();
  readonly #running = new Map<string, UnderWay>();
  /** Of the children asked for last: the strategy changes what it asks for. */
  #latest: CostTerms[] = [];
  #asked: number;

  constructor(study: Study<SearchSettings>, { counts, trials, forecast }: OutlookOptions) {
    this.#study = study;
    this.#trials = trials;
    this.#forecast = forecast;
    this.#typical = typicalOf(forecast);
    const { settings } = study;
    this.#terms = rungTrainings(settings).map((training) => new TrainingTerms(settings, training, counts));
    this.#asked = study.asked;
    const candidateOf = (decisions: number[]) => new Candidate(decisions, settings.space);
    for (const { number, decisions } of study.log.unfinished) this.#wait({ trial: number }, candidateOf(decisions));
    for (const { finished, decisions, ...place } of study.rungs.open())
      if (!finished) this.#wait(place, candidateOf(decisions));
    this.keep();
  }

  /** To be given every event. */
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
        const terms = this.#waiting.get(keyOf(event));
        if (terms) this.#running.set(keyOf(event), { terms, startedAt: performance.now(), share: 0 });
        break;
      }
      case 'epoch': {
        const child = this.#running.get(keyOf(event));
        const { recipe } = rungTrainings(this.#study.settings)[event.rung]!;
        if (child) child.share = Math.min(1, event.report.epoch / recipe.epochs);
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
        const took = tookOf(seconds, details);
        if (!terms || !took || sameAs !== undefined) break;
        prediction.observe(terms, took);
        if (prediction.children % keptEvery === 0) this.keep();
        break;
      }
    }
  }

  #wait(place: Place, candidate: Candidate): CostTerms {
    const terms = this.#terms[place.rung ?? 0]!.of(candidate);
    this.#waiting.set(keyOf(place), terms);
    return terms;
  }

  #finished(place: Place): CostTerms | undefined {
    const terms = this.#waiting.get(keyOf(place));
    this.#running.delete(keyOf(place));
    this.#waiting.delete(keyOf(place));
    return terms;
  }

  /** Seconds until all children are trained. Graphs that were trained before are not left out: nobody knows how many there will be. */
  left(now = performance.now()): number {
    const running = [...this.#running.values()].map(({ terms, startedAt, share }) => {
      const gone = (now - startedAt) / 1000;
      return share > 0 ? (gone * (1 - share)) / share : Math.max(0, this.#seconds(terms) - gone);
    });
    const queued = [...this.#waiting].filter(([key]) => !this.#running.has(key));
    const unasked = Math.max(0, this.#trials - this.#asked);
    const { climbing } = this.#typical;
    const work = sum([...running, ...queued.map(([, terms]) => this.#seconds(terms))]);
    return Math.max((work + unasked * this.#each * (1 + climbing)) / this.#forecast.workers, ...running);
  }

  #seconds(terms: CostTerms): number {
    return this.#forecast.prediction.of(terms).seconds;
  }

  /** Of a child that is not asked for yet. */
  get #each(): number {
    if (this.#latest.length === 0) return this.#typical.seconds;
    return sum(this.#latest.map((terms) => this.#seconds(terms))) / this.#latest.length;
  }

  /** Keeps in the study what was learnt, so that going on goes on from there. */
  keep(): void {
    keepPrediction(this.#study, this.#forecast.record, this.#forecast.prediction);
  }
}

function typicalOf({ estimate: { children, ladder }, workers }: OutlookOptions['forecast']) {
  const work = children.count * children.each.mean;
  return { seconds: children.each.mean, climbing: ladder && work > 0 ? (ladder.seconds * workers) / work : 0 };
}

const keyOf = ({ trial, rung = 0 }: Place) => `${trial} ${rung}`;
