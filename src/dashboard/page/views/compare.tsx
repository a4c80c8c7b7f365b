// Studies, and the strategies within them, beside each other: the paper's Figure 6 while it happens.

import { useMemo, useState } from 'preact/hooks';
import { dashes, seriesColour } from '../charts/axis.ts';
import { Plot } from '../charts/plot.tsx';
import type { Series } from '../charts/series.ts';
import { countsOf, meanInterval, searchClock, statusOf, topRewards } from '../figures.ts';
import { duration, rewardWords, whole } from '../page-words.ts';
import { Card, Nothing } from '../parts.tsx';
import { hrefOf } from '../route.ts';
import { done, type StudyStore } from '../store.ts';
import { Choice } from './rewards.tsx';

const measures = { best: 1, 'top 5': 5, 'top 25': 25 } as const;
type Measure = keyof typeof measures;

/** What is compared: a study, or one strategy of it. */
interface Runner {
  name: string;
  study: StudyStore;
  arm: number | undefined;
}

export function CompareView({ studies }: { studies: readonly StudyStore[] }) {
  const versions = studies.map(({ version }) => version.value).join();
  const [measure, setMeasure] = useState<Measure>('top 25');
  const [against, setAgainst] = useState<'trials' | 'hours'>('trials');
  const runners = studies.flatMap((study): Runner[] =>
    study.arms.length > 1
      ? study.arms.map((name, arm) => ({ name: studies.length > 1 ? `${study.name}: ${name}` : name, study, arm }))
      : [{ name: study.name, study, arm: undefined }],
  );
  const series = useMemo(
    () => runners.map((runner, index) => curveOf(runner, measures[measure], against, index)),
    [versions, measure, against],
  );
  return (
    <>
      <Card
        title="Progress"
        aside={
          <div class="controls">
            <Choice
              label="mean of the"
              value={measure}
              onChange={(value) => setMeasure(value as Measure)}
              options={Object.keys(measures).map((name) => [name, name])}
            />
            <Choice
              label="against"
              value={against}
              onChange={(value) => setAgainst(value as 'hours')}
              options={[
                ['trials', 'trials'],
                ['hours', 'hours of search'],
              ]}
            />
          </div>
        }
      >
        {runners.length < 2 && (
          <p class="quiet">
            Name several studies to compare them: <code>nasnet dashboard one.db two.db</code>, or a folder.
          </p>
        )}
        <Plot
          series={series}
          xLabel={
            against === 'trials'
              ? runners.some(({ arm }) => arm !== undefined)
                ? 'trials of each strategy'
                : 'trials'
              : 'hours of search'
          }
          yLabel={measure === 'best' ? 'best reward so far' : `mean of the ${measure} so far`}
          formatX={(value) => (against === 'trials' ? whole(value) : String(Number(value.toPrecision(3))))}
          formatY={(value) => rewardWords(value, 1)}
          height={420}
          summary={`${measure === 'best' ? 'Best reward' : `Mean of the ${measure}`} so far: ${series.map(({ name, y }) => `${name} ${rewardWords(y[y.length - 1] ?? Number.NaN)}`).join(', ')}.`}
        />
        <p class="quiet">
          {measure === 'best'
            ? 'The best has no interval: it is one trial.'
            : 'The band is the 95% interval of the mean by Student’s t over those trials. One search of each says how it went, not which strategy is better: that takes several seeds.'}
        </p>
      </Card>
      <Card title="Side by side">
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">study</th>
                <th scope="col">state</th>
                <th scope="col">strategy</th>
                <th scope="col">space</th>
                <th scope="col">trials</th>
                <th scope="col">best</th>
                <th scope="col">mean of the top 25</th>
                <th scope="col">searched</th>
              </tr>
            </thead>
            <tbody>
              {studies.map((study) => {
                const counts = countsOf(study);
                const top = topRewards(study, 25).map((trial) => study.reward[trial]!);
                const interval = meanInterval(top);
                const { space } = study.settings;
                return (
                  <tr key={study.index}>
                    <td>
                      <a href={hrefOf('now', {}, study.index)}>{study.name}</a>
                    </td>
                    <td>{statusOf(study).word}</td>
                    <td>{study.settings.strategy}</td>
                    <td>{typeof space === 'string' ? space.toUpperCase() : (space.name ?? 'custom')}</td>
                    <td class="number">{whole(counts.done + counts.failed)}</td>
                    <td class="number">{top.length > 0 ? rewardWords(top[0]!) : '–'}</td>
                    <td class="number">
                      {interval ? `${rewardWords(interval.mean)} ± ${rewardWords(interval.half)}` : '–'}
                    </td>
                    <td class="number">
                      {duration(study.answer.sessions.reduce((sum, { searched }) => sum + searched, 0) / 1000)}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
        {studies.length === 0 && <Nothing>No study.</Nothing>}
      </Card>
    </>
  );
}

const mostPoints = 3000; // of a curve; it moves only where the best change

function curveOf({ name, study, arm }: Runner, count: number, against: 'trials' | 'hours', index: number): Series {
  const clock = searchClock(study);
  const trials: number[] = [];
  for (let trial = 0; trial < study.count; trial++)
    if (study.state[trial] === done && (arm === undefined || study.armOf(trial) === arm)) trials.push(trial);
  if (against === 'hours') trials.sort((a, b) => study.finished[a]! - study.finished[b]!);
  const [x, y, low, high]: [number[], number[], number[], number[]] = [[], [], [], []];
  const top: number[] = []; // ascending
  const step = Math.max(1, Math.floor(trials.length / mostPoints));
  trials.forEach((trial, place) => {
    const reward = study.reward[trial]!;
    if (study.sameAs[trial]! < 0 && (top.length < count || reward > top[0]!)) {
      top.push(reward);
      top.sort((a, b) => a - b);
      if (top.length > count) top.shift();
    }
    if (top.length < count || (place % step !== 0 && place < trials.length - 1)) return;
    const interval = meanInterval(top);
    x.push(against === 'trials' ? place + 1 : clock(study.finished[trial]!) / 3600);
    y.push(interval?.mean ?? top[0]!);
    low.push(interval ? interval.mean - interval.half : Number.NaN);
    high.push(interval ? interval.mean + interval.half : Number.NaN);
  });
  return {
    name,
    kind: 'line',
    x,
    y,
    ...(count > 1 && { low, high }),
    colour: seriesColour(index),
    dash: [...dashes[Math.floor(index / 6) % dashes.length]!],
    sorted: true,
    width: 2.2,
  };
}
