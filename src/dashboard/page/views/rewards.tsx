// Rewards over trials: every trial a point, the moving mean, the best so far; by arm or rung; found by number.

import { useMemo, useState } from 'preact/hooks';
import { dashes, seriesColour, shapeOf } from '../charts/axis.ts';
import { Plot } from '../charts/plot.tsx';
import type { Series } from '../charts/series.ts';
import { meanInterval } from '../figures.ts';
import { plural, rewardWords, whole } from '../page-words.ts';
import { Card, TrialPanel } from '../parts.tsx';
import { go, route } from '../route.ts';
import { done, failed, type StudyStore } from '../store.ts';

const windows = [20, 50, 100, 500];

export function RewardsView({ study }: { study: StudyStore }) {
  const version = study.watch();
  const [split, setSplit] = useState<'all' | 'arm' | 'rung'>(study.arms.length > 1 ? 'arm' : 'all');
  const [window, setWindow] = useState(study.count > 5000 ? 100 : 20);
  const [range, setRange] = useState<[number, number] | undefined>(undefined);
  const chosen = route.value.parameters.trial;
  const trial = chosen === undefined ? undefined : Number(chosen);
  const pick = (number: number | undefined) => go('rewards', number === undefined ? {} : { trial: String(number) });
  const groups = useMemo(() => groupsOf(study, split), [study, version, split]);
  const series = useMemo(
    () => groups.flatMap((group, index) => seriesOf(group, index, window, study.count, groups.length)),
    [groups, window],
  );
  return (
    <>
      <Card
        title="Rewards"
        aside={
          <div class="controls">
            <Choice
              label="by"
              value={split}
              onChange={(value) => setSplit(value as 'all')}
              options={choicesOf(study)}
            />
            <Choice
              label="mean of"
              value={String(window)}
              onChange={(value) => setWindow(Number(value))}
              options={windows.map((count) => [String(count), `${count} trials`])}
            />
            <FindTrial study={study} onFind={pick} />
          </div>
        }
      >
        <Plot
          series={series}
          xLabel="trial"
          yLabel={study.settings.evaluator ? 'reward' : 'validation accuracy'}
          formatX={(value) => whole(value)}
          formatY={(value) => rewardWords(value, 1)}
          height={420}
          selected={trial}
          onPick={pick}
          onRange={setRange}
          describe={(id) => `trial ${id}: ${rewardWords(study.reward[id]!)}`}
          summary={summaryOf(study)}
        />
        <RangeFigures study={study} range={range} />
      </Card>
      {trial !== undefined && trial >= 0 && trial < study.count && (
        <TrialPanel study={study} trial={trial} onClose={() => pick(undefined)} />
      )}
    </>
  );
}

function choicesOf(study: StudyStore): [string, string][] {
  return [
    ['all', 'all together'],
    ...(study.arms.length > 1 ? [['arm', 'strategy'] as [string, string]] : []),
    ...(study.settings.rungs.length > 0 ? [['rung', 'rung'] as [string, string]] : []),
  ];
}

export function Choice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}) {
  if (options.length < 2) return null;
  return (
    <label class="inline">
      {label}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([key, words]) => (
          <option key={key} value={key}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

export function FindTrial({
  study,
  onFind,
  label = 'Find trial',
}: {
  study: StudyStore;
  onFind: (trial: number) => void;
  label?: string;
}) {
  study.watch();
  const [text, setText] = useState('');
  const number = Number(text);
  const isValid = text !== '' && Number.isInteger(number) && number >= 0 && number < study.count;
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) onFind(number);
      }}
    >
      <input
        type="number"
        min="0"
        max={Math.max(0, study.count - 1)}
        placeholder={label}
        aria-label={`${label} by its number`}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}

interface Group {
  name: string;
  /** Numbers of trials, and their rewards. */
  x: Float64Array;
  y: Float64Array;
}

function groupsOf(study: StudyStore, split: 'all' | 'arm' | 'rung'): Group[] {
  if (split === 'rung') return rungGroups(study);
  const names = split === 'arm' ? study.arms : ['trials'];
  const known = study.settings.known > 0 && split === 'arm';
  const kept = [...names, ...(known ? ['given cells'] : [])].map(() => ({ x: [] as number[], y: [] as number[] }));
  for (let trial = 0; trial < study.count; trial++) {
    if (study.state[trial] !== done) continue;
    const arm = split === 'arm' ? study.armOf(trial) : 0;
    const group = kept[arm < 0 ? names.length : arm];
    if (!group) continue;
    group.x.push(trial);
    group.y.push(study.reward[trial]!);
  }
  return [...names, ...(known ? ['given cells'] : [])].map((name, index) => grouped(name, kept[index]!));
}

const grouped = (name: string, { x, y }: { x: number[]; y: number[] }): Group => ({
  name,
  x: Float64Array.from(x),
  y: Float64Array.from(y),
});

function rungGroups(study: StudyStore): Group[] {
  const [lowest] = groupsOf(study, 'all');
  const higher = study.settings.rungs.map((_, index) => {
    const own = study.selection.rungs.filter(({ rung, reward }) => rung === index + 1 && reward !== null);
    return grouped(`rung ${index + 1}`, { x: own.map(({ trial }) => trial), y: own.map(({ reward }) => reward!) });
  });
  return [{ ...lowest!, name: 'rung 0' }, ...higher];
}

function seriesOf({ name, x, y }: Group, index: number, window: number, count: number, groups: number): Series[] {
  const colour = seriesColour(index);
  const own = groups > 1 ? `${name}: ` : '';
  return [
    {
      name: groups > 1 ? name : 'trials',
      kind: 'points',
      x,
      y,
      ids: x,
      sorted: true,
      colour: groups > 1 ? colour : '--points',
      shape: shapeOf(index),
    },
    {
      name: `${own}mean of ${window}`,
      kind: 'line',
      x,
      y: movingMean(y, window),
      sorted: true,
      colour: groups > 1 ? colour : '--s1',
      width: 2,
      quiet: groups > 1,
      dash: [...dashes[index % dashes.length]!],
    },
    {
      name: `${own}best so far`,
      kind: 'steps',
      x,
      y: bestSoFar(y),
      sorted: true,
      colour: groups > 1 ? colour : '--s2',
      width: 2,
      until: count - 1,
      quiet: groups > 1,
    },
  ];
}

/** The mean of the latest `window` values, from the first full window on; of fewer values where there are no more. */
export function movingMean(values: Float64Array, window: number): Float64Array {
  const means = new Float64Array(values.length).fill(Number.NaN);
  let sum = 0;
  values.forEach((value, index) => {
    sum += value - (index >= window ? values[index - window]! : 0);
    if (index >= Math.min(window, values.length) - 1) means[index] = sum / Math.min(window, index + 1);
  });
  return means;
}

export function bestSoFar(values: Float64Array): Float64Array {
  let best = Number.NEGATIVE_INFINITY;
  return values.map((value) => {
    best = Math.max(best, value);
    return best;
  });
}

function summaryOf(study: StudyStore): string {
  let best = -1;
  let ended = 0;
  for (let trial = 0; trial < study.count; trial++) {
    if (study.state[trial] !== done) continue;
    ended++;
    if (best < 0 || study.reward[trial]! > study.reward[best]!) best = trial;
  }
  if (best < 0) return 'No trial has a reward yet.';
  return `Rewards of ${plural(ended, 'trial')}; the best at the lowest rung is ${rewardWords(study.reward[best]!)}, of trial ${best}.`;
}

/** What lies in the range that is shown. */
function RangeFigures({ study, range }: { study: StudyStore; range: [number, number] | undefined }) {
  study.watch();
  const [from, to] = range
    ? [Math.max(0, Math.ceil(range[0])), Math.min(study.count - 1, Math.floor(range[1]))]
    : [0, study.count - 1];
  const rewards: number[] = [];
  let lost = 0;
  let best = -1;
  for (let trial = from; trial <= to; trial++) {
    if (study.state[trial] === failed) lost++;
    if (study.state[trial] !== done) continue;
    rewards.push(study.reward[trial]!);
    if (best < 0 || study.reward[trial]! > study.reward[best]!) best = trial;
  }
  const middle = meanInterval(rewards);
  return (
    <p class="told" aria-live="polite">
      {range ? `Trials ${whole(from)} to ${whole(to)}` : `All ${whole(study.count)} trials`}:{' '}
      {plural(rewards.length, 'reward')}
      {middle && `, mean ${rewardWords(middle.mean)} ± ${rewardWords(middle.half)} (95%)`}
      {best >= 0 && `, best ${rewardWords(study.reward[best]!)} (trial ${best})`}
      {lost > 0 && `, ${whole(lost)} failed`}.{' '}
      {range
        ? 'Key 0 or a double click shows all.'
        : 'Drag over a part to enlarge it; click a point to open its trial.'}
    </p>
  );
}
