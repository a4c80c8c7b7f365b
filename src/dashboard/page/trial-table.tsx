// The table of all trials: sorted, filtered, its columns chosen, taken along as CSV. Only the rows in sight are built,
// so that 30,000 scroll as 30.

import { useMemo, useState } from 'preact/hooks';
import { none, states } from '../trial-columns.ts';
import { bytes, dayTime, milliseconds, plural, rewardWords, seconds, short, whole } from './page-words.ts';
import { Card, downloadText, TrialLink } from './parts.tsx';
import { done, type StudyStore } from './store.ts';

interface ColumnKind {
  name: string;
  /** What rows are sorted by, and what a CSV file has. */
  value: (study: StudyStore, trial: number) => number | string;
  words: (study: StudyStore, trial: number) => string;
  hidden?: boolean;
}

const numeric = (
  name: string,
  of: (study: StudyStore) => ArrayLike<number>,
  words: (value: number) => string,
  hidden = false,
): ColumnKind => ({
  name,
  value: (study, trial) => of(study)[trial]!,
  words: (study, trial) => (Number.isNaN(of(study)[trial]!) ? '–' : words(of(study)[trial]!)),
  hidden,
});

const kinds: Record<string, ColumnKind> = {
  trial: { name: 'trial', value: (_, trial) => trial, words: (_, trial) => String(trial) },
  state: {
    name: 'state',
    value: (study, trial) => states[study.state[trial]!]!,
    words: (study, trial) => states[study.state[trial]!]!,
  },
  reward: {
    ...numeric('reward', ({ reward }) => reward, rewardWords),
    value: ({ reward, state }, trial) => (state[trial] === done ? reward[trial]! : Number.NaN),
  },
  arm: {
    name: 'strategy',
    value: (study, trial) => study.arms[study.armOf(trial)] ?? 'given',
    words: (study, trial) => study.arms[study.armOf(trial)] ?? 'given',
    hidden: true,
  },
  parameters: numeric('parameters', ({ parameters }) => parameters, short),
  multiplyAdds: numeric('multiply-adds', ({ multiplyAdds }) => multiplyAdds, short),
  seconds: {
    ...numeric('worker’s time', (study) => study.seconds, seconds),
    words: ({ seconds: all, sameAs }, trial) => (sameAs[trial]! >= 0 ? 'none' : seconds(all[trial]!)),
  },
  memory: numeric('peak memory', ({ memory }) => memory, bytes, true),
  latency: numeric('predicted latency', ({ latency }) => latency, milliseconds, true),
  attempts: numeric('attempts', ({ attempts }) => attempts, whole, true),
  sameAs: {
    name: 'same graph as',
    value: ({ sameAs }, trial) => sameAs[trial]!,
    words: ({ sameAs }, trial) => (sameAs[trial] === none ? '–' : `trial ${sameAs[trial]}`),
    hidden: true,
  },
  finished: numeric('finished', ({ finished }) => finished, dayTime),
};

const rowHeight = 34;
const rowsBeyond = 6; // built above and below those in sight

export function TrialTable({ study }: { study: StudyStore }) {
  const version = study.watch();
  const [sort, setSort] = useState<{ key: string; up: boolean }>({ key: 'reward', up: false });
  const [state, setState] = useState('');
  const [least, setLeast] = useState('');
  const [shown, setShown] = useState<string[]>(() =>
    Object.keys(kinds).filter((key) => !kinds[key]!.hidden && (key !== 'arm' || study.arms.length > 1)),
  );
  const [scroll, setScroll] = useState(0);
  const trials = useMemo(() => selected(study, sort, state, least), [study, version, sort, state, least]);
  const height = Math.min(460, Math.max(1, trials.length) * rowHeight + 40);
  const first = Math.max(0, Math.floor(scroll / rowHeight) - rowsBeyond);
  const rows = trials.slice(first, first + Math.ceil(height / rowHeight) + 2 * rowsBeyond);
  const csv = () => downloadText(`${study.name}-trials.csv`, csvOf(study, trials, shown), 'text/csv');
  return (
    <Card
      title="Trials"
      aside={
        <div class="controls">
          <label class="inline">
            state
            <select value={state} onChange={(event) => setState(event.currentTarget.value)}>
              <option value="">all</option>
              {states.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label class="inline">
            reward at least
            <input
              type="number"
              step="any"
              value={least}
              onInput={(event) => setLeast(event.currentTarget.value)}
              placeholder={study.settings.evaluator ? '' : '%'}
            />
          </label>
          <details class="menu">
            <summary class="button">Columns</summary>
            <fieldset>
              <legend class="sr">Columns</legend>
              {Object.entries(kinds).map(([key, { name }]) => (
                <label key={key} class="check">
                  <input
                    type="checkbox"
                    checked={shown.includes(key)}
                    onChange={() =>
                      setShown(
                        shown.includes(key)
                          ? shown.filter((each) => each !== key)
                          : Object.keys(kinds).filter((each) => each === key || shown.includes(each)),
                      )
                    }
                  />
                  {name}
                </label>
              ))}
            </fieldset>
          </details>
          <button type="button" class="button" onClick={csv}>
            CSV
          </button>
        </div>
      }
    >
      <p class="quiet" aria-live="polite">
        {trials.length === study.count
          ? `All ${plural(study.count, 'trial')}`
          : `${whole(trials.length)} of ${plural(study.count, 'trial')}`}
        , sorted by {kinds[sort.key]!.name}.
      </p>
      <section
        class="rows"
        style={{ height: `${height}px` }}
        tabIndex={0}
        aria-label="Table of trials"
        onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
      >
        <table aria-rowcount={trials.length}>
          <thead>
            <tr>
              {shown.map((key) => (
                <th
                  key={key}
                  scope="col"
                  aria-sort={sort.key === key ? (sort.up ? 'ascending' : 'descending') : 'none'}
                >
                  <button
                    type="button"
                    onClick={() => setSort({ key, up: sort.key === key ? !sort.up : key === 'trial' })}
                  >
                    {kinds[key]!.name}
                    <span aria-hidden="true">{sort.key === key ? (sort.up ? ' ↑' : ' ↓') : ''}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr class="space" style={{ height: `${first * rowHeight}px` }} aria-hidden="true">
              <td />
            </tr>
            {rows.map((trial, index) => (
              <tr key={trial} aria-rowindex={first + index + 1}>
                {shown.map((key) => (
                  <td key={key} class={key === 'state' || key === 'arm' ? '' : 'number'}>
                    {key === 'trial' ? <TrialLink trial={trial} /> : kinds[key]!.words(study, trial)}
                  </td>
                ))}
              </tr>
            ))}
            <tr
              class="space"
              style={{ height: `${Math.max(0, trials.length - first - rows.length) * rowHeight}px` }}
              aria-hidden="true"
            >
              <td />
            </tr>
          </tbody>
        </table>
      </section>
    </Card>
  );
}

function selected(
  study: StudyStore,
  { key, up }: { key: string; up: boolean },
  state: string,
  least: string,
): number[] {
  const wanted = states.indexOf(state as (typeof states)[number]);
  const limit = least === '' ? Number.NEGATIVE_INFINITY : Number(least) / (study.settings.evaluator ? 1 : 100);
  const trials: number[] = [];
  for (let trial = 0; trial < study.count; trial++)
    if ((wanted < 0 || study.state[trial] === wanted) && (least === '' || study.reward[trial]! >= limit))
      trials.push(trial);
  const { value } = kinds[key]!;
  const values = new Map(trials.map((trial) => [trial, value(study, trial)]));
  const order = (a: number, b: number) => {
    const [first, second] = [values.get(a)!, values.get(b)!];
    if (typeof first === 'string' || typeof second === 'string') return String(first).localeCompare(String(second));
    if (Number.isNaN(first) || Number.isNaN(second))
      return Number(Number.isNaN(first)) - Number(Number.isNaN(second)) || 0;
    return up ? first - second : second - first;
  };
  const isText = typeof values.values().next().value === 'string';
  trials.sort((a, b) => order(a, b) || a - b);
  return isText && !up ? trials.toReversed() : trials;
}

/** RFC 4180; missing values are empty. */
function csvOf(study: StudyStore, trials: readonly number[], shown: readonly string[]): string {
  const field = (value: number | string) =>
    typeof value === 'number'
      ? Number.isNaN(value)
        ? ''
        : String(value)
      : /[",\r\n]/.test(value)
        ? `"${value.replaceAll('"', '""')}"`
        : value;
  const lines = [
    shown.map((key) => field(kinds[key]!.name)),
    ...trials.map((trial) => shown.map((key) => field(kinds[key]!.value(study, trial)))),
  ];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}
