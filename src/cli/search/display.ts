// The live display of a search on stderr; plain lines if that is not a terminal. It has no influence on the search.

import type { ExperimentEvent } from '../../experiment/experiment.ts';
import type { FinalistEvent } from '../../experiment/finalists.ts';
import { collapseWarning } from '../../report/controller-words.ts';
import type { FinalistRace } from '../../selection/finalist-race.ts';
import { rewardSource } from '../../study/external-evaluator.ts';
import type { TrialState } from '../../study/records.ts';
import type { SearchRequest } from '../../study/requests.ts';
import { epochDetails, trainingDetails } from '../../study/result-schemas.ts';
import { canContinue, reasonForRestart, rungTrainings } from '../../study/rung-trainings.ts';
import type { SearchSettings, Training } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { targetOf } from '../../study/target.ts';
import { atSide, duration, epochWord, percent, whole } from '../../words.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { networkWords } from './training-words.ts';
import { finalistsLine, renderSearch, type SearchView } from './view.ts';

const redrawEvery = 250; // ms
const plainEvery = 10_000; // ms between summary lines without a terminal

export class SearchDisplay extends LiveBlock {
  #study: Study<SearchSettings> | undefined;
  #outlook: { left(): number } | undefined;
  #view: SearchView | undefined;
  #race: { race: FinalistRace; before: number; startedAt: number } | undefined;
  #final: { trial: number; progress: number; startedAt: number } | undefined;
  readonly #children = new Map<number, { rung: number; epoch: number; startedAt: number }>();
  #trainings: Training[] = [];
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastPlain = 0;
  #warned = false;

  /** Starts to draw. */
  begin(study: Study<SearchSettings>, trials: number, workers: number, outlook: { left(): number }): void {
    this.#study = study;
    this.#outlook = outlook;
    this.#startedAt = performance.now();
    this.#trainings = rungTrainings(study.settings);
    const { strategy, seed, preset } = study.settings;
    const { done, failed } = study.summary().trials;
    const start = {
      trials,
      done,
      failed,
      best: undefined,
      recentMean: undefined,
      elapsed: 0,
      left: 0,
      running: [],
    };
    this.#view = start;
    const climbing = [...study.rungs.counts().values()].some(({ open }) => open > 0);
    if (done + failed < trials || climbing) {
      const begun = done + failed === 0 ? 'Searching' : `Resuming after ${done + failed} cells, searching`;
      this.log(
        `${begun} ${trials} cells ${rewardSource(study.settings)}: ${strategy}, preset ${preset}, seed ${seed}, ${workers} at a time. Study: ${study.path}`,
      );
    }
    this.#recount();
    this.#timer = setInterval(() => this.#draw(), redrawEvery);
  }

  /** Removes the display. */
  end(): void {
    clearInterval(this.#timer);
    this.draw([]);
  }

  note(line: string): void {
    this.log('');
    this.log(line);
  }

  /** Call it with every event of the search. */
  on = (event: ExperimentEvent): void => {
    switch (event.kind) {
      case 'note':
        this.log(event.line);
        break;
      case 'started':
        this.#children.set(event.trial, { rung: event.rung, epoch: 0, startedAt: performance.now() });
        break;
      case 'planned':
        this.#view!.trials = event.trials;
        break;
      case 'epoch':
        if (this.#children.has(event.trial)) this.#children.get(event.trial)!.epoch = event.report.epoch;
        break;
      case 'retried':
        this.log(`${nameOf(event)} is retried: ${event.reason}`);
        break;
      case 'promoted':
        this.log(this.#promotionWords(event));
        break;
      case 'requested':
        if (event.request.action === 'add') this.#view!.trials = targetOf(this.#study!);
        this.note(requestWords(event.request));
        break;
      case 'updated':
        this.#warn(event.figures);
        break;
      case 'failed':
        this.#children.delete(event.trial);
        this.log(`${nameOf(event)} failed (${event.failure.kind}): ${event.failure.message}`);
        this.#recount();
        break;
      case 'done':
        this.#children.delete(event.trial);
        for (const note of notesOf(event.details)) this.log(`${nameOf(event)}: ${note}`);
        this.#recount();
        this.#plain();
        break;
      case 'race':
      case 'finalist':
        this.#onFinalist(event);
        break;
      case 'final-started':
        this.#children.clear();
        this.#race = undefined;
        this.#final = { trial: event.trial, progress: 0, startedAt: performance.now() };
        this.log(
          `The best cell is that of trial ${event.trial}; training a larger network of it: ${networkWords(event.training)}.`,
        );
        break;
      case 'final-retried':
        this.log(`The training of the larger network is retried: ${event.reason}`);
        break;
      case 'final-progress':
        if (this.#final) this.#final.progress = event.progress;
        this.#plain();
        break;
      case 'final-epoch': {
        const { epoch, loss, accuracy, details } = event.report;
        const at = atSide(epochDetails(details).validationSide);
        const seen = accuracy === undefined ? '' : `, validation accuracy ${percent(accuracy)}${at}`;
        this.log(`  epoch ${epochWord(epoch)}: loss ${loss?.toFixed(3)}${seen}`);
        break;
      }
    }
  };

  /** Returns "trial 12 is promoted to rung 1, from its weights". */
  #promotionWords({ trial, rung, atRandom }: ExperimentEvent & { kind: 'promoted' }): string {
    const [below, training] = [this.#trainings[rung - 1]!, this.#trainings[rung]!];
    const how = canContinue(below, training)
      ? 'from its weights'
      : `trained from the beginning (${reasonForRestart(below, training)})`;
    return `trial ${trial} is promoted to rung ${rung}${atRandom ? ' at random' : ''}, ${how}`;
  }

  #onFinalist(event: FinalistEvent): void {
    if (event.kind === 'race') {
      const { race } = event;
      if (race.end) return;
      if (!this.#race) this.log(`${race.trials.length} finalists are trained again, several times each.`);
      this.#race ??= { race, before: runsOf(race), startedAt: performance.now() };
      this.#race.race = race;
      this.#plain();
      return;
    }
    const { finalist, news } = event;
    const which = `finalist ${finalist.trial}, run ${finalist.run},`;
    if (news.kind === 'retried') this.log(`${which} is retried: ${news.reason}`);
    if (news.kind === 'failed') this.log(`${which} failed (${news.failure.kind}): ${news.failure.message}`);
  }

  /** Prints a warning once per search. */
  #warn(figures: Record<string, number>): void {
    const warning = this.#warned ? undefined : collapseWarning(figures);
    if (warning === undefined) return;
    this.#warned = true;
    this.log(warning);
  }

  #recount(): void {
    const { trials, best, latestMean } = this.#study!.summary();
    const view = this.#view!;
    view.done = trials.done;
    view.failed = trials.failed;
    view.best = best ? { trial: best.number, reward: best.reward, rung: best.rung } : undefined;
    view.recentMean = latestMean ?? undefined;
    if (this.#trainings.length > 1) view.rungs = this.#rungCounts(trials);
  }

  #rungCounts({ queued, running, done }: Record<TrialState, number>): NonNullable<SearchView['rungs']> {
    const counts = this.#study!.rungs.counts();
    return this.#trainings.map((_, rung) =>
      rung === 0 ? { done, open: queued + running } : (counts.get(rung) ?? { done: 0, open: 0 }),
    );
  }

  #lines(): string[] {
    const now = performance.now();
    if (this.#final) {
      const { trial, progress, startedAt } = this.#final;
      const elapsed = (now - startedAt) / 1000;
      const left = progress < 0.02 ? '' : `, about ${duration((elapsed * (1 - progress)) / progress)} left`;
      return [
        `  training the network of trial ${trial}: ${percent(progress, 0)}   ${duration(elapsed)} elapsed${left}`,
      ];
    }
    if (this.#race) {
      const { race, before, startedAt } = this.#race;
      const done = runsOf(race);
      return [finalistsLine({ ...race, done, doneHere: done - before, elapsed: (now - startedAt) / 1000 }, this.width)];
    }
    const view = this.#view!;
    view.elapsed = (now - this.#startedAt) / 1000;
    view.left = this.#outlook!.left();
    view.running = [...this.#children].map(([trial, { rung, epoch, startedAt }]) => {
      const { evaluator, costLaw } = this.#study!.settings; // with either, what a child takes is its own
      const epochs = evaluator || costLaw ? undefined : this.#trainings[rung]!.recipe.epochs;
      return { trial, rung, epoch, epochs, seconds: (now - startedAt) / 1000 };
    });
    return renderSearch(view, this.width);
  }

  #draw(): void {
    if (this.live) this.draw(this.#lines());
  }

  /** Prints a summary line every ten seconds if there is no terminal. */
  #plain(): void {
    if (this.live || performance.now() - this.#lastPlain < plainEvery) return;
    this.#lastPlain = performance.now();
    this.log(
      this.#lines()
        .slice(0, this.#trainings.length > 1 ? 3 : 2)
        .map((line) => line.trim())
        .join('   '),
    );
  }
}

/** Returns what the search does since a person asked for it. */
function requestWords(request: SearchRequest): string {
  if (request.action === 'pause') return 'Paused from the dashboard: running children go on, no other begins.';
  if (request.action === 'resume') return 'Resumed from the dashboard.';
  if (request.action === 'stop') return 'Stopped from the dashboard; finished work is saved.';
  if (request.action === 'add') return `${whole(request.trials)} more trials, asked for from the dashboard.`;
  return 'The next trial is a cell named from the dashboard.';
}

const nameOf = ({ trial, rung }: { trial: number; rung: number }) =>
  `trial ${trial}${rung > 0 ? ` at rung ${rung}` : ''}`;

const notesOf = (details: unknown): string[] => trainingDetails(details).notes ?? [];

const runsOf = ({ runs }: FinalistRace) => runs.filter(({ accuracy }) => accuracy !== null).length;
