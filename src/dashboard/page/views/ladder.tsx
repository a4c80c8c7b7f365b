// Who was promoted, how well a rung predicts the next, and the race of finalists with its intervals.

import { useMemo } from 'preact/hooks';
import { meanOf, type Racer, race, ranking, runsDone } from '../../../selection/racing.ts';
import { type RankCorrelation, rankCorrelation } from '../../../statistics/kendall.ts';
import { criticalValue } from '../../../statistics/student-t.ts';
import { type IntervalRow, Intervals } from '../charts/intervals.tsx';
import { Plot } from '../charts/plot.tsx';
import { duration, plural, rewardWords, whole } from '../page-words.ts';
import { Card, Nothing, TrialLink } from '../parts.tsx';
import { go } from '../route.ts';
import { done, type StudyStore } from '../store.ts';

export function LadderView({ study }: { study: StudyStore }) {
  study.watch();
  if (!study.loaded.value.selection) return <Nothing>Reading …</Nothing>;
  return (
    <>
      <Ladder study={study} />
      <Finalists study={study} />
    </>
  );
}

interface Rung {
  rung: number;
  /** Rewards by trial. */
  rewards: Map<number, number>;
  open: number;
  failed: number;
  seconds: number;
  atRandom: number;
}

function rungsOf(study: StudyStore): Rung[] {
  const lowest: Rung = { rung: 0, rewards: new Map(), open: 0, failed: 0, seconds: 0, atRandom: 0 };
  for (let trial = 0; trial < study.count; trial++) {
    if (study.state[trial] === done) lowest.rewards.set(trial, study.reward[trial]!);
    else if (study.state[trial] === 3) lowest.failed++;
    else lowest.open++;
    if (study.seconds[trial]! > 0) lowest.seconds += study.seconds[trial]!;
  }
  const higher = study.settings.rungs.map((_, index): Rung => {
    const own = study.selection.rungs.filter(({ rung }) => rung === index + 1);
    return {
      rung: index + 1,
      rewards: new Map(
        own.flatMap(({ trial, reward, state }) => (state === 'done' && reward !== null ? [[trial, reward]] : [])),
      ),
      open: own.filter(({ state }) => state === 'queued' || state === 'running').length,
      failed: own.filter(({ state }) => state === 'failed').length,
      seconds: own.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
      atRandom: own.filter(({ atRandom }) => atRandom).length,
    };
  });
  return [lowest, ...higher];
}

const mostForCorrelation = 3000; // trials: all pairs of more would take a second

function correlationOf(lower: Rung, upper: Rung): { trials: number; correlation: RankCorrelation | undefined } {
  const both = [...upper.rewards.keys()].filter((trial) => lower.rewards.has(trial));
  const used = both.slice(-mostForCorrelation);
  const correlation = rankCorrelation(
    used.map((trial) => lower.rewards.get(trial)!),
    used.map((trial) => upper.rewards.get(trial)!),
  );
  return { trials: used.length, correlation };
}

function Ladder({ study }: { study: StudyStore }) {
  const version = study.watch();
  const rungs = useMemo(() => rungsOf(study), [study, version]);
  if (study.settings.rungs.length === 0)
    return (
      <Card title="The ladder">
        <Nothing>
          This search has no ladder: every child is trained once. <code>nasnet search --rungs 1,3,9</code> trains the
          best further.
        </Nothing>
      </Card>
    );
  const training = [study.settings.child, ...study.settings.rungs];
  const best = ({ rewards }: Rung) =>
    [...rewards].reduce<[number, number] | undefined>(
      (top, entry) => (!top || entry[1] > top[1] ? entry : top),
      undefined,
    );
  return (
    <Card title="The ladder" aside={`the best 1 of ${study.settings.reduction} are promoted`}>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">rung</th>
              <th scope="col">training</th>
              <th scope="col">trained</th>
              <th scope="col">best</th>
              <th scope="col">worker’s time</th>
              <th scope="col">τ with the next</th>
            </tr>
          </thead>
          <tbody>
            {rungs.map((rung, index) => {
              const top = best(rung);
              const next = rungs[index + 1];
              const { epochs, cells, filters } = training[index]!;
              return (
                <tr key={rung.rung}>
                  <td class="number">{rung.rung}</td>
                  <td>
                    {plural(epochs, 'epoch')}, N = {cells}, F = {filters}
                  </td>
                  <td>
                    {whole(rung.rewards.size)}
                    {rung.failed > 0 && `, ${rung.failed} failed`}
                    {rung.open > 0 && `, ${rung.open} to come`}
                    {rung.atRandom > 0 && `, ${rung.atRandom} at random`}
                  </td>
                  <td>
                    {top ? (
                      <>
                        {rewardWords(top[1])} <TrialLink trial={top[0]} />
                      </>
                    ) : (
                      '–'
                    )}
                  </td>
                  <td class="number">{duration(rung.seconds)}</td>
                  <td>{next ? tauWords(correlationOf(rung, next)) : '–'}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <Climb rungs={rungs} />
      <p class="quiet">
        Rewards of different rungs are not comparable. τ measures how well a rung predicts the order at the next: 1 is
        the same order, 0 no relation. Trials at both rungs are mostly the best of the lower one, whose rewards differ
        little.
      </p>
    </Card>
  );
}

const tauWords = ({ trials, correlation }: { trials: number; correlation: RankCorrelation | undefined }) =>
  correlation
    ? `${correlation.tau.toFixed(2)} (${correlation.low.toFixed(2)} to ${correlation.high.toFixed(2)}, ${plural(trials, 'trial')})`
    : `too few trials (${trials})`;

const mostLines = 2000;

/** Every trial's rewards from rung to rung. */
function Climb({ rungs }: { rungs: Rung[] }) {
  const links: number[] = [];
  const [x, y, ids]: [number[], number[], number[]] = [[], [], []];
  rungs.forEach(({ rewards }, index) => {
    for (const [trial, reward] of rewards) {
      const above = rungs[index + 1]?.rewards.get(trial);
      if (index > 0 || above !== undefined) {
        x.push(index);
        y.push(reward);
        ids.push(trial);
      }
      if (above !== undefined && links.length < 4 * mostLines) links.push(index, reward, index + 1, above);
    }
  });
  if (links.length === 0) return <Nothing>Nobody has been promoted yet.</Nothing>;
  return (
    <Plot
      series={[{ name: 'promoted trials', kind: 'points', x, y, ids, colour: '--s1', sorted: true, size: 3 }]}
      links={Float64Array.from(links)}
      xLabel="rung"
      yLabel="reward"
      formatX={(value) => (Number.isInteger(value) ? String(value) : '')}
      formatY={(value) => rewardWords(value, 1)}
      domainX={[-0.15, rungs.length - 0.85]}
      height={300}
      onPick={(trial) => go('cells', { a: String(trial) })}
      describe={(trial) =>
        `trial ${trial}: ${rungs.flatMap(({ rung, rewards }) => (rewards.has(trial) ? [`rung ${rung} ${rewardWords(rewards.get(trial)!)}`] : [])).join(', ')}`
      }
      summary={`Rewards of promoted trials from rung to rung; ${rungs
        .slice(1)
        .map(({ rung, rewards }) => `${rewards.size} at rung ${rung}`)
        .join(', ')}.`}
    />
  );
}

function Finalists({ study }: { study: StudyStore }) {
  const version = study.watch();
  const state = useMemo(() => raceOf(study), [study, version]);
  if (!state)
    return (
      <Card title="The race of finalists">
        <Nothing>
          {study.settings.finalists
            ? 'The race begins when all trials have an outcome.'
            : 'This search has no race: --finalists 5 trains the best again, several times each.'}
        </Nothing>
      </Card>
    );
  const { rows, end, runs } = state;
  return (
    <Card title="The race of finalists" aside={end ? `over: ${end}` : 'in the race now'}>
      <Intervals
        rows={rows}
        format={(value) => rewardWords(value)}
        caption={`Mean accuracy over ${plural(runs, 'run')}, with the 95% interval for other seeds`}
        heads={['runs', 'group', 'as a child']}
      />
      <p class="quiet">
        Within a group no finalist can be told apart from the best of it (run against run, at 95% confidence).{' '}
        {rows.length > 1 && !end ? 'The race goes on until one is ahead or more runs would not tell them apart.' : ''}
      </p>
    </Card>
  );
}

function raceOf(study: StudyStore): { rows: IntervalRow[]; end: string | undefined; runs: number } | undefined {
  const { finalists } = study.settings;
  const chosen = (study.answer.results.finalists as { trials?: number[] } | undefined)?.trials;
  if (!finalists || !chosen || chosen.length === 0) return undefined;
  const all = study.selection.finalists.filter(({ trial }) => chosen.includes(trial));
  const racers = chosen.map((trial): Racer => {
    const own = all.filter((run) => run.trial === trial);
    const accuracies: (number | undefined)[] = [];
    for (const { run, accuracy } of own) accuracies[run - 1] = accuracy ?? undefined;
    return { accuracies: Array.from(accuracies), failed: own.some(({ state }) => state === 'failed') };
  });
  const validationImages = (study.answer.settings.settings as { validationImages?: number } | undefined)
    ?.validationImages;
  const found = race(racers, {
    least: finalists.least,
    most: finalists.most,
    step: 1 / (validationImages ?? Number.POSITIVE_INFINITY),
  });
  const groups = [found.racing, ...found.beaten];
  const half = spreadOf(racers);
  const rows = [...ranking(racers, found), ...found.failed].map((place): IntervalRow => {
    const trial = chosen[place]!;
    const count = runsDone(racers[place]!);
    const value = meanOf(racers[place]!);
    const spread = half === undefined ? 0 : half / Math.sqrt(Math.max(1, count));
    const group = groups.findIndex((each) => each.includes(place)) + 1;
    const failure = all.find((run) => run.trial === trial && run.failure)?.failure ?? undefined;
    const words = group === 0 ? 'out' : `${group}${groups[group - 1]!.length > 1 ? ' (cannot be told apart)' : ''}`;
    return {
      label: `trial ${trial}`,
      shown: <TrialLink trial={trial} />,
      value,
      low: value - spread,
      high: value + spread,
      ...(half === undefined && { note: 'one run only' }),
      more: [String(count), failure?.split('\n')[0] ?? words, rewardWords(study.reward[trial]!)],
    };
  });
  return {
    rows: rows.filter(({ value }) => !Number.isNaN(value)),
    end: found.end,
    runs: all.filter(({ accuracy }) => accuracy !== null).length,
  };
}

/** Half the 95% interval of one run around its finalist's mean, from the spread of all finalists' runs. */
function spreadOf(racers: readonly Racer[]): number | undefined {
  let freedom = 0;
  let squares = 0;
  for (const racer of racers) {
    const count = runsDone(racer);
    if (racer.failed || count < 2) continue;
    const middle = meanOf(racer);
    freedom += count - 1;
    for (const accuracy of racer.accuracies.slice(0, count)) squares += (accuracy! - middle) ** 2;
  }
  return freedom === 0 ? undefined : criticalValue(0.025, freedom) * Math.sqrt(squares / freedom);
}
