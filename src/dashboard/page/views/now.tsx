// Where the search stands: the best, counts, time left, workers as lanes, the curves of what runs.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { CellPair } from '../cell-picture.tsx';
import { dashes, seriesColour } from '../charts/axis.ts';
import { Lanes } from '../charts/lanes.tsx';
import { Plot } from '../charts/plot.tsx';
import type { Series } from '../charts/series.ts';
import { Control } from '../control.tsx';
import { bestTrials, countsOf, paceOf, statusOf, targetOf } from '../figures.ts';
import { lanesOf } from '../lanes-of.ts';
import {
  clockTime,
  dayTime,
  duration,
  exactTime,
  percent,
  plural,
  rewardWords,
  roughly,
  whole,
} from '../page-words.ts';
import { architectureOf, Card, Nothing, Tile, TrialLink, TrialPanel } from '../parts.tsx';
import { go, hrefOf } from '../route.ts';
import { done, type StudyStore } from '../store.ts';
import { TableDetails } from '../table-details.tsx';
import { bestSoFar, movingMean } from './rewards.tsx';

export function NowView({ study }: { study: StudyStore }) {
  study.watch();
  const [picked, setPicked] = useState<number | undefined>(undefined);
  const now = useClock(study.searched.value === true);
  return (
    <>
      <Tiles study={study} />
      {study.source.control && <Control study={study} />}
      <WorkerLanes study={study} now={now} onPick={setPicked} />
      {picked !== undefined && <TrialPanel study={study} trial={picked} onClose={() => setPicked(undefined)} />}
      <div class="columns">
        <Glance study={study} />
        <BestCell study={study} />
      </div>
      {study.searched.value === true && <RunningCurves study={study} />}
    </>
  );
}

/** The time, once a second while a search works. */
function useClock(isLive: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isLive) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isLive]);
  return now;
}

function Tiles({ study }: { study: StudyStore }) {
  study.watch();
  const counts = countsOf(study);
  const [best] = bestTrials(study, 1);
  const pace = paceOf(study);
  const target = targetOf(study);
  const ended = counts.done + counts.failed;
  const isLive = statusOf(study).tone === 'live';
  const workers = study.seconds.subarray(0, study.count).reduce((sum, seconds) => sum + (seconds || 0), 0);
  const left = pace?.left;
  return (
    <dl class="tiles">
      <Tile
        label="Best reward"
        value={best ? rewardWords(best.reward) : '–'}
        note={
          best && (
            <>
              <TrialLink trial={best.trial} />
              {best.rung > 0 && `, at rung ${best.rung}`}
            </>
          )
        }
        tone="first"
      />
      <Tile
        label="Trials"
        value={ended >= target ? whole(ended) : `${whole(ended)} of ${whole(target)}`}
        note={<progress value={ended} max={target} aria-label="Trials with an outcome" />}
      />
      {isLive ? (
        <Tile
          label="Time left for trials"
          value={left ? duration(left.seconds) : '–'}
          note={left ? `95%: ${roughly(left.low)} to ${roughly(left.high)}` : 'known after a few outcomes'}
        />
      ) : (
        <Tile
          label="Workers’ time"
          value={duration(workers)}
          note={`in ${plural(study.answer.sessions.length, 'session')}`}
        />
      )}
      <Tile
        label="Trials an hour"
        value={pace ? `${whole(pace.perHour)}/h` : '–'}
        note={isLive ? `workers’ time ${roughly(workers)}` : 'of the latest trials'}
      />
      <Tile
        label="Failed"
        value={whole(counts.failed)}
        note={
          counts.failed > 0 ? (
            <a href={hrefOf('trade-offs')}>{percent(counts.failed / Math.max(1, ended))} of all</a>
          ) : (
            'none'
          )
        }
        tone={counts.failed > ended / 10 ? 'bad' : ''}
      />
      <Tile
        label="Repeats"
        value={whole(counts.repeats)}
        note={counts.repeats > 0 ? 'of graphs known before' : 'every graph is new'}
      />
    </dl>
  );
}

const shownMinutes = [5, 15, 60, 240, 1440];

function WorkerLanes({ study, now, onPick }: { study: StudyStore; now: number; onPick: (trial: number) => void }) {
  study.watch();
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const isLive = study.searched.value === true;
  const last = study.trainings.at(-1)?.at ?? now;
  const end = isLive ? now : last;
  const { bars, lanes, busy, from, to, isNamed } = useMemo(() => {
    const minutes = chosen ?? fittingMinutes(study, end);
    return lanesOf(study, [end - minutes * 60_000, end + (isLive ? minutes * 6_000 : 1000)], end);
  }, [study, study.version.value, chosen, end, isLive]);
  const minutes = chosen ?? fittingMinutes(study, end);
  const running = bars.filter(({ outcome }) => outcome === 'running').length;
  const summary = `${plural(running, 'training')} running${isNamed ? ` on ${plural(lanes.length, 'worker')}, busy ${percent(busy, 0)} of the time shown` : '. Which worker trained what was not recorded then: trainings lie where there is room'}.`;
  const range = (
    <label class="inline">
      show
      <select value={minutes} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
        {shownMinutes.map((each) => (
          <option key={each} value={each}>
            {duration(each * 60)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Card title="Workers" aside={range}>
      {!study.loaded.value.attempts ? (
        <Nothing>Reading …</Nothing>
      ) : bars.length === 0 ? (
        <Nothing>No training in this time. Choose a longer one, or start the search.</Nothing>
      ) : (
        <>
          <Lanes
            bars={bars}
            lanes={lanes}
            window={[from, to]}
            now={end}
            summary={summary}
            onPick={onPick}
            formatTime={minutes >= 1440 ? dayTime : minutes < 15 ? exactTime : clockTime}
          />
          <TableDetails
            heads={['worker', 'training']}
            rows={() => bars.slice(-100).map((bar) => [lanes[bar.lane], bar.about])}
          />
        </>
      )}
    </Card>
  );
}

/** The shortest window with about fifty trainings, so that bars can be told apart. */
function fittingMinutes(study: StudyStore, end: number): number {
  const starts = study.trainings.filter(({ kind }) => kind === 'start');
  const from = starts.at(-50)?.at ?? starts[0]?.at ?? end;
  const minutes = (end - from) / 60_000;
  return shownMinutes.find((each) => each >= minutes * 0.8) ?? 1440;
}

const glanced = 50; // trials of the moving mean

/** The rewards as small as they can be. */
function Glance({ study }: { study: StudyStore }) {
  const version = study.watch();
  const series = useMemo(() => {
    const trials: number[] = [];
    for (let trial = 0; trial < study.count; trial++) if (study.state[trial] === done) trials.push(trial);
    const x = Float64Array.from(trials);
    const y = Float64Array.from(trials, (trial) => study.reward[trial]!);
    return [
      { name: 'trials', kind: 'points', x, y, ids: x, sorted: true, colour: '--points' },
      {
        name: `mean of ${glanced}`,
        kind: 'line',
        x,
        y: movingMean(y, glanced),
        sorted: true,
        colour: '--s1',
        width: 2,
      },
      {
        name: 'best so far',
        kind: 'steps',
        x,
        y: bestSoFar(y),
        sorted: true,
        colour: '--s2',
        width: 2,
        until: study.count - 1,
      },
    ] satisfies [Series, Series, Series];
  }, [study, version]);
  return (
    <Card title="Rewards so far" aside={<a href={hrefOf('rewards')}>Open</a>}>
      {series[0].x.length === 0 ? (
        <Nothing>Each child’s reward appears here as soon as it is known.</Nothing>
      ) : (
        <Plot
          series={series}
          xLabel="trial"
          yLabel={study.settings.rungs.length > 0 ? 'reward at the lowest rung' : 'reward'}
          formatX={whole}
          formatY={(value) => rewardWords(value, 0)}
          height={270}
          onPick={(trial) => go('rewards', { trial: String(trial) })}
          describe={(trial) => `trial ${trial}: ${rewardWords(study.reward[trial]!)}`}
          summary={`Rewards of ${plural(series[0].x.length, 'trial')} with their moving mean and the best so far.`}
        />
      )}
    </Card>
  );
}

const mostCurves = 24;

function RunningCurves({ study }: { study: StudyStore }) {
  study.watch();
  const all = [...study.curves.values()].filter(({ epochs }) => epochs.some(({ accuracy }) => accuracy !== null));
  const curves = all.slice(0, mostCurves);
  const [best] = bestTrials(study, 1);
  const series = curves.map(({ trial, rung, epochs }, index): Series => {
    const known = epochs.filter(({ accuracy }) => accuracy !== null);
    return {
      name: `trial ${trial}${rung > 0 ? `, rung ${rung}` : ''}`,
      kind: known.length > 1 ? 'line' : 'points',
      x: known.map(({ epoch }) => epoch),
      y: known.map(({ accuracy }) => accuracy!),
      ids: known.map(() => trial),
      colour: seriesColour(index),
      dash: [...dashes[Math.floor(index / 6) % dashes.length]!],
      sorted: true,
    };
  });
  return (
    <Card
      title="Children in training"
      aside={all.length > mostCurves ? `showing ${mostCurves} of ${all.length}` : undefined}
    >
      {series.length === 0 ? (
        <Nothing>
          {study.searched.value ? 'The first epochs of the running children appear here.' : 'Nothing is being trained.'}
        </Nothing>
      ) : (
        <Plot
          series={series}
          xLabel="epoch"
          yLabel="validation accuracy"
          formatX={(value) => String(Number(value.toFixed(2)))}
          formatY={(value) => rewardWords(value, 1)}
          height={240}
          summary={`Validation accuracy of ${plural(series.length, 'child')} in training, by epoch.${best ? ` The best reward so far is ${rewardWords(best.reward)}.` : ''}`}
        />
      )}
    </Card>
  );
}

function BestCell({ study }: { study: StudyStore }) {
  study.watch();
  const [best] = bestTrials(study, 1);
  const architecture = best && architectureOf(study, best.trial);
  return (
    <Card title="The best cell so far" aside={best && <a href={hrefOf('cells', { a: String(best.trial) })}>Open</a>}>
      {!best && <Nothing>No child has a reward yet.</Nothing>}
      {architecture && <CellPair architecture={architecture} stacked />}
    </Card>
  );
}
