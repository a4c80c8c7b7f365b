// Parts that several views are made of: cards, tiles, buttons that copy, the panel of a trial.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Architecture } from '../../space/architecture.ts';
import { decode } from '../../space/decisions.ts';
import type { TrialAnswer } from '../answers.ts';
import { CellPair } from './cell-picture.tsx';
import { dashes, seriesColour, shapeOf } from './charts/axis.ts';
import { Plot } from './charts/plot.tsx';
import type { Series } from './charts/series.ts';
import { bytes, dayTime, milliseconds, rewardWords, seconds, short } from './page-words.ts';
import { go } from './route.ts';
import type { StudyStore } from './store.ts';

export function Card({
  title,
  aside,
  children,
  id,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  id?: string;
}) {
  return (
    <section class="card" id={id}>
      <header class="card-head">
        <h2>{title}</h2>
        {aside && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export function Tile({
  label,
  value,
  note,
  tone,
}: {
  label: string;
  value: string;
  note?: ComponentChildren;
  tone?: string;
}) {
  return (
    <div class={`tile ${tone ?? ''}`}>
      <dt>{label}</dt>
      <dd>
        <span class="value" title={value}>
          {value}
        </span>
        {note && <span class="note">{note}</span>}
      </dd>
    </div>
  );
}

export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

/** A button that puts a text where it can be pasted. */
export function CopyButton({ text, children }: { text: () => string; children: ComponentChildren }) {
  const [copied, setCopied] = useState<string | undefined>(undefined);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setCopied('Copied');
    } catch {
      setCopied('The browser does not allow it'); // a page without HTTPS from another machine
    }
  };
  return (
    <button type="button" class="button" onClick={copy} onBlur={() => setCopied(undefined)}>
      <span aria-live="polite">{copied ?? children}</span>
    </button>
  );
}

export function downloadText(name: string, text: string, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The cells of a trial; undefined where its decisions are not known yet, or none of its space. */
export function architectureOf(study: StudyStore, trial: number): Architecture | undefined {
  if (study.length === 0 || trial < 0 || trial >= study.count) return undefined;
  try {
    return decode(study.decisionsOf(trial), study.settings.space);
  } catch {
    return undefined; // a damaged or a made-up file
  }
}

export function TrialLink({ trial }: { trial: number }) {
  return (
    <a href={`#/cells?a=${trial}`} class="trial-link">
      trial {trial}
    </a>
  );
}

/** Reads all that a study has of a trial. */
export function useTrial(study: StudyStore, trial: number | undefined): TrialAnswer | null | undefined {
  const [answer, setAnswer] = useState<TrialAnswer | null | undefined>(undefined);
  const state = trial === undefined ? 0 : study.state[trial];
  useEffect(() => {
    let current = true;
    setAnswer(undefined);
    if (trial === undefined) return undefined;
    study.source.ask(study.index, 'trial', { number: trial }).then(
      (found) => current && setAnswer(found),
      () => current && setAnswer(null),
    );
    return () => {
      current = false;
    };
  }, [study, trial, state]);
  return answer;
}

/** A trial's figures, its curve and its cells. */
export function TrialPanel({ study, trial, onClose }: { study: StudyStore; trial: number; onClose?: () => void }) {
  study.watch();
  const answer = useTrial(study, trial);
  const architecture = architectureOf(study, trial);
  const close = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onClose?.();
  };
  return (
    <section class="card trial" aria-label={`Trial ${trial}`} onKeyDown={close}>
      <header class="card-head">
        <h2>Trial {trial}</h2>
        <div class="aside">
          <button type="button" class="button" onClick={() => go('cells', { a: String(trial) })}>
            Compare its cells
          </button>
          {onClose && (
            <button type="button" class="button" onClick={onClose}>
              Close
            </button>
          )}
        </div>
      </header>
      <div class="trial-parts">
        <div>
          {answer === undefined && <Nothing>Reading …</Nothing>}
          {answer === null && (
            <Nothing>
              {study.source.kind === 'report'
                ? 'Its epochs are not in this report; the study has them.'
                : 'The study has no such trial.'}
            </Nothing>
          )}
          {answer && <TrialFigures study={study} answer={answer} />}
        </div>
        {architecture && <CellPair architecture={architecture} />}
      </div>
    </section>
  );
}

function TrialFigures({ study, answer }: { study: StudyStore; answer: TrialAnswer }) {
  study.watch();
  const rows: [string, ComponentChildren][] = [
    ['state', answer.state],
    ['reward', answer.reward === null ? '–' : rewardWords(answer.reward)],
    ...answer.rungs.map(({ rung, reward, state, atRandom }): [string, ComponentChildren] => [
      `rung ${rung}`,
      `${reward === null ? state : rewardWords(reward)}${atRandom ? ', promoted at random' : ''}`,
    ]),
    ['asked', dayTime(answer.asked)],
    ['worker’s time', seconds(answer.seconds ?? Number.NaN)],
    ['parameters', short(answer.parameters ?? Number.NaN)],
    ['multiply-adds', short(answer.multiplyAdds ?? Number.NaN)],
    ['peak memory', bytes(answer.memory ?? Number.NaN)],
    ['predicted latency', milliseconds(answer.latency ?? Number.NaN)],
  ];
  const shown = rows.filter(([, value]) => value !== '–');
  if (answer.attempts > 1) shown.push(['attempts', String(answer.attempts)]);
  if (answer.sameAs !== null) shown.push(['same graph as', <TrialLink trial={answer.sameAs} />]);
  const parent = study.parent[answer.number]!;
  if (parent >= 0) shown.push(['child of', <TrialLink trial={parent} />]);
  if (study.byHand.has(answer.number)) shown.push(['named by', 'a person']);
  return (
    <>
      <dl class="facts">
        {shown.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {answer.failure && (
        <div class="failure">
          <strong>{answer.failure.kind}</strong>
          <pre>{answer.failure.message}</pre>
        </div>
      )}
      {answer.notes.map((note) => (
        <p key={note} class="quiet">
          {note}
        </p>
      ))}
      <Curves answer={answer} />
    </>
  );
}

function Curves({ answer }: { answer: TrialAnswer }) {
  const parts = [
    { name: answer.rungs.length > 0 ? 'rung 0' : 'accuracy', epochs: answer.epochs },
    ...answer.rungs.map(({ rung, epochs }) => ({ name: `rung ${rung}`, epochs })),
  ].map(({ name, epochs }) => {
    const last = epochs.at(-1)?.attempt;
    return { name, epochs: epochs.filter(({ attempt, accuracy }) => attempt === last && accuracy !== null) };
  });
  const series = parts
    .filter(({ epochs }) => epochs.length > 0)
    .map(
      ({ name, epochs }, index): Series => ({
        name,
        kind: epochs.length > 1 ? 'line' : 'points',
        x: epochs.map(({ epoch }) => epoch),
        y: epochs.map(({ accuracy }) => accuracy!),
        colour: seriesColour(index),
        shape: shapeOf(index),
        dash: [...dashes[index % dashes.length]!],
        sorted: true,
      }),
    );
  if (series.length === 0) return null;
  return (
    <Plot
      series={series}
      xLabel="epoch"
      yLabel="validation accuracy"
      formatX={(value) => String(Number(value.toFixed(2)))}
      formatY={(value) => rewardWords(value, 1)}
      height={190}
      summary={`Validation accuracy of trial ${answer.number} after each epoch.`}
    />
  );
}
