// Reward against what a cell costs, with the Pareto front; the table of all trials; failures.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { Plot } from '../charts/plot.tsx';
import { bytes, milliseconds, plural, rewardWords, seconds, short, whole } from '../page-words.ts';
import { Card, Nothing, TrialLink, TrialPanel } from '../parts.tsx';
import { go, route } from '../route.ts';
import { done, failed, type StudyStore } from '../store.ts';
import { TableDetails } from '../table-details.tsx';
import { TrialTable } from '../trial-table.tsx';
import { Choice } from './rewards.tsx';

type Cost = 'multiplyAdds' | 'parameters' | 'latency' | 'seconds' | 'memory';

const costs: Record<Cost, { words: string; format: (value: number) => string }> = {
  multiplyAdds: { words: 'multiply-adds of the child', format: short },
  parameters: { words: 'parameters of the child', format: short },
  latency: { words: 'predicted latency of the final network', format: milliseconds },
  seconds: { words: 'seconds of training', format: seconds },
  memory: { words: 'peak memory of the worker', format: bytes },
};

export function TradeOffsView({ study }: { study: StudyStore }) {
  study.watch();
  const chosen = route.value.parameters.trial;
  const trial = chosen === undefined ? undefined : Number(chosen);
  const pick = (number: number | undefined) => go('trade-offs', number === undefined ? {} : { trial: String(number) });
  return (
    <>
      <Front study={study} trial={trial} onPick={pick} />
      {trial !== undefined && trial >= 0 && trial < study.count && (
        <TrialPanel study={study} trial={trial} onClose={() => pick(undefined)} />
      )}
      <TrialTable study={study} />
      <Failures study={study} />
    </>
  );
}

function Front({
  study,
  trial,
  onPick,
}: {
  study: StudyStore;
  trial: number | undefined;
  onPick: (trial: number) => void;
}) {
  const version = study.watch();
  const known = (Object.keys(costs) as Cost[]).filter((cost) =>
    study[cost].subarray(0, study.count).some((value) => value > 0),
  );
  const [wanted, setWanted] = useState<Cost>('multiplyAdds');
  const cost = known.includes(wanted) ? wanted : known[0];
  const found = useMemo(() => (cost ? frontOf(study, cost) : undefined), [study, version, cost]);
  return (
    <Card
      title="Reward against cost"
      aside={
        cost && (
          <Choice
            label="cost"
            value={cost}
            onChange={(value) => setWanted(value as Cost)}
            options={known.map((each) => [each, costs[each].words])}
          />
        )
      }
    >
      {!study.loaded.value.figures ? (
        <Nothing>Reading …</Nothing>
      ) : !cost || !found ? (
        <Nothing>
          No trial has a reward and a cost yet{study.settings.evaluator ? ': the evaluator gives none' : ''}.
        </Nothing>
      ) : (
        <>
          <Plot
            series={[
              {
                name: 'trials',
                kind: 'points',
                x: found.x,
                y: found.y,
                ids: found.ids,
                colour: '--points',
                shape: 'circle',
              },
              {
                name: 'Pareto front',
                kind: 'steps',
                x: found.front.map((index) => found.x[index]!),
                y: found.front.map((index) => found.y[index]!),
                colour: '--s2',
                width: 2,
                until: found.most,
                sorted: true,
              },
              {
                name: 'best at its cost',
                kind: 'points',
                x: found.front.map((index) => found.x[index]!),
                y: found.front.map((index) => found.y[index]!),
                ids: found.front.map((index) => found.ids[index]!),
                colour: '--s2',
                shape: 'diamond',
                size: 4,
                quiet: true,
              },
            ]}
            both
            logX={found.isWide}
            xLabel={costs[cost].words}
            yLabel="reward"
            formatX={costs[cost].format}
            formatY={(value) => rewardWords(value, 1)}
            height={400}
            selected={trial}
            onPick={onPick}
            describe={(id) =>
              `trial ${id}: ${rewardWords(study.reward[id]!)}, ${costs[cost].format(study[cost][id]!)} ${costs[cost].words}`
            }
            summary={`Reward against ${costs[cost].words} of ${plural(found.ids.length, 'trial')}; ${plural(found.front.length, 'trial')} on the Pareto front.`}
          />
          <TableDetails
            summary={`The ${plural(found.front.length, 'trial')} that no cheaper one beats`}
            open={found.front.length <= 8}
            heads={['trial', 'reward', costs[cost].words]}
            rows={() =>
              found.front.map((index) => [
                <TrialLink trial={found.ids[index]!} />,
                rewardWords(found.y[index]!),
                costs[cost].format(found.x[index]!),
              ])
            }
          />
        </>
      )}
    </Card>
  );
}

/** The trials with a reward and this cost, cheapest first, and the indices of those that no cheaper one beats. */
function frontOf(study: StudyStore, cost: Cost) {
  const ids: number[] = [];
  for (let trial = 0; trial < study.count; trial++)
    if (study.state[trial] === done && study.sameAs[trial]! < 0 && study[cost][trial]! > 0) ids.push(trial);
  if (ids.length === 0) return undefined;
  ids.sort((a, b) => study[cost][a]! - study[cost][b]! || study.reward[b]! - study.reward[a]!);
  const x = Float64Array.from(ids, (trial) => study[cost][trial]!);
  const y = Float64Array.from(ids, (trial) => study.reward[trial]!);
  const front: number[] = [];
  y.forEach((reward, index) => {
    if (front.length === 0 || reward > y[front.at(-1)!]!) front.push(index);
  });
  const most = x.at(-1)!;
  return { ids, x, y, front, most, isWide: most > 20 * x[0]! };
}

function Failures({ study }: { study: StudyStore }) {
  study.watch();
  const failures = [...study.state.subarray(0, study.count)].filter((state) => state === failed).length;
  useEffect(() => {
    if (study.loaded.value.selection) void study.readFailures().catch(() => {});
  }, [study, failures]);
  const { kinds, latest } = study.failures;
  return (
    <Card title="Failures" aside={failures > 0 ? plural(failures, 'trial') : undefined}>
      {failures === 0 ? (
        <Nothing>No trial has failed.</Nothing>
      ) : (
        <>
          <ul class="kinds">
            {kinds.map(({ kind, count }) => (
              <li key={kind}>
                <strong>{whole(count)}</strong> {kind}
              </li>
            ))}
          </ul>
          {latest.length < failures && (
            <p class="quiet">
              The latest {whole(latest.length)} of {whole(failures)}:
            </p>
          )}
          {latest.slice(0, 50).map(({ trial, kind, message }) => (
            <details key={trial} class="failure">
              <summary>
                trial {trial}: <strong>{kind}</strong> <span class="quiet">{message.split('\n')[0]}</span>
              </summary>
              <pre>{message}</pre>
              <TrialLink trial={trial} />
            </details>
          ))}
        </>
      )}
    </Card>
  );
}
