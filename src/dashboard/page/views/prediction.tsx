// Predicted against measured times of trainings, and how the error falls as the search learns.

import { useMemo } from 'preact/hooks';
import { Plot } from '../charts/plot.tsx';
import { percent, plural, roughly, seconds, whole } from '../page-words.ts';
import { Card, Nothing, Tile } from '../parts.tsx';
import { go } from '../route.ts';
import { done, type StudyStore } from '../store.ts';

export function PredictionView({ study }: { study: StudyStore }) {
  const version = study.watch();
  const found = useMemo(() => predictionsOf(study), [study, version]);
  const stored = study.answer.results.prediction as
    | {
        children?: number;
        measured?: boolean;
        error?: { seconds?: { median?: number; of?: number }; memory?: { median?: number; of?: number } };
      }
    | undefined;
  if (!study.loaded.value.course) return <Nothing>Reading …</Nothing>;
  return (
    <>
      {stored && (
        <dl class="tiles">
          <Tile
            label="Learned from"
            value={plural(stored.children ?? 0, 'child')}
            note={stored.measured ? 'began with laws measured here' : 'began with the default laws'}
          />
          {stored.error?.seconds && (
            <Tile
              label="Median error of times"
              value={percent(stored.error.seconds.median ?? 0, 0)}
              note={`of ${whole(stored.error.seconds.of ?? 0)} predictions`}
            />
          )}
          {stored.error?.memory && (
            <Tile
              label="Median error of memory"
              value={percent(stored.error.memory.median ?? 0, 0)}
              note={`of ${whole(stored.error.memory.of ?? 0)} predictions`}
            />
          )}
        </dl>
      )}
      <Card
        title="Predicted and measured times"
        aside={found.ids.length > 0 ? plural(found.ids.length, 'trial') : undefined}
      >
        {found.ids.length === 0 ? (
          <Nothing>
            {study.settings.evaluator
              ? 'Times of an external evaluator are not predicted.'
              : 'No trial with a predicted time has ended. Studies of older versions do not keep what was predicted of each trial.'}
          </Nothing>
        ) : (
          <Plot
            series={[
              { name: 'trials', kind: 'points', x: found.predicted, y: found.measured, ids: found.ids, colour: '--s1' },
              {
                name: 'exact',
                kind: 'line',
                x: found.range,
                y: found.range,
                colour: '--axis',
                dash: [5, 4],
                sorted: true,
              },
            ]}
            both
            xLabel="predicted"
            yLabel="measured"
            formatX={roughly}
            formatY={roughly}
            height={360}
            onPick={(trial) => go('rewards', { trial: String(trial) })}
            describe={(trial) =>
              `trial ${trial}: predicted ${seconds(study.predicted[trial]!)}, took ${seconds(study.seconds[trial]!)}`
            }
            summary={`Predicted and measured seconds of ${plural(found.ids.length, 'training')}; the median error is ${percent(found.median, 0)}.`}
          />
        )}
      </Card>
      {found.ids.length >= 5 && (
        <Card title="The error over time" aside={`median ${percent(found.median, 0)}`}>
          <Plot
            series={[
              {
                name: 'measured over predicted',
                kind: 'points',
                x: found.ids,
                y: found.ratio,
                ids: found.ids,
                colour: '--s1',
                sorted: true,
              },
              {
                name: 'exact',
                kind: 'line',
                x: [0, found.ids.at(-1)!],
                y: [1, 1],
                colour: '--axis',
                dash: [5, 4],
                sorted: true,
                quiet: true,
              },
            ]}
            xLabel="trial"
            yLabel="measured over predicted"
            formatX={whole}
            formatY={(value) => `${Number(value.toFixed(2))}×`}
            height={240}
            onPick={(trial) => go('rewards', { trial: String(trial) })}
            describe={(trial) =>
              `trial ${trial}: ${(study.seconds[trial]! / study.predicted[trial]!).toFixed(2)} times the prediction`
            }
            summary="Measured over predicted seconds by trial; 1 is exact."
          />
        </Card>
      )}
    </>
  );
}

function predictionsOf(study: StudyStore) {
  const ids: number[] = [];
  for (let trial = 0; trial < study.count; trial++)
    if (
      study.state[trial] === done &&
      study.sameAs[trial]! < 0 &&
      study.predicted[trial]! > 0 &&
      study.seconds[trial]! > 0
    )
      ids.push(trial);
  const predicted = ids.map((trial) => study.predicted[trial]!);
  const measured = ids.map((trial) => study.seconds[trial]!);
  const ratio = measured.map((value, index) => value / predicted[index]!);
  const errors = ratio.map((value) => Math.abs(value - 1)).sort((a, b) => a - b);
  const ends = [...predicted, ...measured];
  const range = [
    ends.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    ends.reduce((a, b) => Math.max(a, b), 0),
  ];
  return { ids, predicted, measured, ratio, median: errors[errors.length >> 1] ?? 0, range };
}
