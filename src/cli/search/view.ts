// Formats the state of a search as a few lines of text. display.ts updates the state and draws it.

import { duration, epochWord, percent } from '../../words.ts';

/** The displayed state of a search. */
export interface SearchView {
  /** The target; more are finished if it was lowered. */
  trials: number;
  done: number;
  failed: number;
  /** `rung` is that of the reward, with a ladder. */
  best: { trial: number; reward: number; rung?: number } | undefined;
  /** Mean reward of the latest 20 trials, as many as one update of the controller uses. */
  recentMean: number | undefined;
  /** Seconds since this process started to search. */
  elapsed: number;
  /** Predicted seconds until all cells are trained (experiment/outlook.ts). */
  left: number;
  running: { trial: number; epoch: number; epochs: number | undefined; seconds: number; rung?: number }[];
  /** With a ladder: numbers of done and open trainings of each rung, the lowest first. */
  rungs?: { done: number; open: number }[];
}

const barWidth = 24;

/** Returns the lines of the display, each at most `width` characters. */
export function renderSearch(view: SearchView, width: number): string[] {
  const finished = view.done + view.failed;
  const filled = finished >= view.trials ? barWidth : Math.round((barWidth * finished) / view.trials);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const failures = view.failed === 0 ? '' : `, ${view.failed} failed`;
  const ofRung = (rung: number | undefined) => (view.rungs && rung !== undefined ? `, rung ${rung}` : '');
  const lines = [
    `  ${bar}  ${finished}/${view.trials} cells${failures}   ${duration(view.elapsed)} elapsed, about ${duration(view.left)} left`,
    `  best ${view.best ? `${percent(view.best.reward)} (trial ${view.best.trial}${ofRung(view.best.rung)})` : '–'}   mean of the latest 20 ${view.recentMean === undefined ? '–' : percent(view.recentMean)}`,
    ...(view.rungs ? [rungsLine(view.rungs)] : []),
    ...view.running.map(
      ({ trial, rung, epoch, epochs, seconds }) =>
        `  training ${trial}${ofRung(rung)}: epoch ${epochWord(epoch)}${epochs === undefined ? '' : ` of ${epochs}`}, ${duration(seconds)}`,
    ),
  ];
  return lines.map((line) => cut(line, width));
}

/** "  trained: 24 at rung 0, 7 at rung 1 (2 open), 1 at rung 2" */
function rungsLine(rungs: NonNullable<SearchView['rungs']>): string {
  const each = rungs.map(({ done, open }, rung) => {
    return `${done} at rung ${rung}${open > 0 && rung > 0 ? ` (${open} open)` : ''}`;
  });
  return `  trained: ${each.join(', ')}`;
}

const cut = (line: string, width: number) => (line.length > width ? `${line.slice(0, width - 1)}…` : line);

/** The displayed state of a race of finalists. */
export interface FinalistsView {
  /** Finalists in the race, and the runs that they need before the next comparison. */
  racing: readonly unknown[];
  wanted: readonly unknown[];
  done: number;
  /** Runs of this process, and its seconds for them. */
  doneHere: number;
  elapsed: number;
}

/** Returns the line of a race, at most `width` characters. */
export function finalistsLine({ racing, wanted, done, doneHere, elapsed }: FinalistsView, width: number): string {
  const left = doneHere === 0 ? '' : `, comparison in about ${duration((elapsed * wanted.length) / doneHere)}`;
  const line = `  ${racing.length} finalists racing, ${done} of ${done + wanted.length} runs   ${duration(elapsed)} elapsed${left}`;
  return cut(line, width);
}
