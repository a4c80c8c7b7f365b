// What a strategy thinks: the controller's softmaxes over time, its entropies, what it would sample now; the family
// tree of evolution; and, for every strategy, what the best cells have beyond chance.

import { useMemo, useState } from 'preact/hooks';
import { operationLabel } from '../../../draw/cell-graph.ts';
import { inputCount } from '../../../space/architecture.ts';
import { decisionSizes, decode } from '../../../space/decisions.ts';
import { cellForm, spaceOf } from '../../../space/search-space.ts';
import { CellPair } from '../cell-picture.tsx';

import { dashes, seriesColour, shapeOf } from '../charts/axis.ts';
import { HeatMap, type HeatRow, HeatScale } from '../charts/heat-map.tsx';
import { type IntervalRow, Intervals } from '../charts/intervals.tsx';
import { Plot } from '../charts/plot.tsx';
import type { Series } from '../charts/series.ts';
import { bestTrials, meanInterval, topRewards } from '../figures.ts';
import { percent, plural, rewardWords, whole } from '../page-words.ts';
import { Card, Nothing, TrialLink } from '../parts.tsx';
import { go } from '../route.ts';
import { done, type StudyStore } from '../store.ts';
import { Choice } from './rewards.tsx';

export function ControllerView({ study }: { study: StudyStore }) {
  study.watch();
  const { arms } = study;
  const firstArm = Math.max(
    0,
    arms.findIndex((name) => !name.startsWith('random')),
  );
  const [arm, setArm] = useState(firstArm);
  if (!study.loaded.value.course) return <Nothing>Reading the decisions …</Nothing>;
  const isEvolution = arms[arm]!.startsWith('evolution');
  return (
    <>
      {arms.length > 1 && (
        <div class="toolbar">
          <Choice
            label="Strategy"
            value={String(arm)}
            onChange={(value) => setArm(Number(value))}
            options={arms.map((name, index) => [String(index), name])}
          />
        </div>
      )}
      <Choices study={study} arm={arm} key={arm} />
      <div class="columns">
        <Figures study={study} arm={arm} />
        <SampledNow study={study} arm={arm} />
      </div>
      {isEvolution && <Family study={study} />}
      <BeyondChance study={study} />
    </>
  );
}

/** One decision's place in the list of all, and the words of its options. */
interface Decision {
  index: number;
  first: number;
  group: string;
  options: string[];
}

function decisionsOfBlock(study: StudyStore, cell: 'normal' | 'reduction', block: number): Decision[] {
  const { space, blocks } = study.settings;
  const sizes = decisionSizes(blocks, space);
  const { operations, combiners } = spaceOf(space);
  const inputs = inputCount({ ...cellForm(spaceOf(space), blocks), blocks: [] });
  const start = (cell === 'normal' ? 0 : sizes.length / 2) + 5 * block;
  const states = (size: number) =>
    Array.from({ length: size }, (_, state) =>
      state < inputs ? (state === 0 ? 'h_i' : `h_i−${state}`) : `block ${state - inputs + 1}`,
    );
  const names = Object.keys(operations).map((name) => operationLabel(name, operations));
  const groups = ['input 1', 'input 2', 'operation 1', 'operation 2', 'combiner'];
  return groups.flatMap((group, place) => {
    const index = start + place;
    const size = sizes[index]!;
    if (size === 1) return [];
    const options = place < 2 ? states(size) : place < 4 ? names : combiners.map((name) => name.replaceAll('_', ' '));
    return [{ index, first: sizes.slice(0, index).reduce((sum, each) => sum + each, 0), group, options }];
  });
}

function bytesOf(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}

const windowsShown = 60;

function Choices({ study, arm }: { study: StudyStore; arm: number }) {
  study.watch();
  const policies = useMemo(
    () => study.policies.filter((policy) => policy.arm === arm || study.arms.length === 1),
    [study.policies.length, arm],
  );
  const [source, setSource] = useState<'softmax' | 'trials'>('softmax');
  const [cell, setCell] = useState<'normal' | 'reduction'>('normal');
  const [block, setBlock] = useState(0);
  const isSoftmax = source === 'softmax' && policies.length > 0;
  const parts = decisionsOfBlock(study, cell, Math.min(block, study.settings.blocks - 1));
  const table = useMemo(
    () => (isSoftmax ? softmaxRows(policies, parts) : frequencyRows(study, arm, parts)),
    [isSoftmax, policies.length, study.count, arm, cell, block, study.loaded.value.decisions],
  );
  const columns = table[0]?.values.length ?? 0;
  const trialsPerWindow = Math.max(1, Math.ceil(study.count / windowsShown));
  const most = isSoftmax ? 1 : 0.5;
  const column = (index: number) =>
    isSoftmax
      ? `update ${policies[index]!.update}`
      : `trials ${whole(index * trialsPerWindow)} to ${whole(Math.min(study.count, (index + 1) * trialsPerWindow) - 1)}`;
  return (
    <Card
      title={isSoftmax ? 'What the controller thinks' : 'What was chosen'}
      aside={
        <div class="controls">
          {policies.length > 0 && (
            <Choice
              label="show"
              value={source}
              onChange={(value) => setSource(value as 'trials')}
              options={[
                ['softmax', 'its softmax'],
                ['trials', 'choices of trials'],
              ]}
            />
          )}
          <Choice
            label="cell"
            value={cell}
            onChange={(value) => setCell(value as 'normal')}
            options={[
              ['normal', 'normal'],
              ['reduction', 'reduction'],
            ]}
          />
          <Choice
            label="block"
            value={String(block)}
            onChange={(value) => setBlock(Number(value))}
            options={Array.from({ length: study.settings.blocks }, (_, index) => [String(index), String(index + 1)])}
          />
        </div>
      }
    >
      <p class="quiet">
        {isSoftmax
          ? 'The probability of each option, one column for each update: the mean softmax over twenty architectures sampled from the controller.'
          : policies.length === 0 && study.arms[arm]!.startsWith('ppo')
            ? 'This study keeps no softmaxes (it was searched by an older version): how often trials chose each option.'
            : 'How often trials chose each option, over time.'}
      </p>
      <HeatScale most={most} />
      {columns === 0 ? (
        <Nothing>No trial yet.</Nothing>
      ) : (
        <HeatMap
          rows={table}
          columns={columns}
          column={column}
          most={most}
          summary={`${isSoftmax ? 'Probabilities' : 'Shares'} of the options of block ${block + 1} of the ${cell} cell over ${columns} ${isSoftmax ? 'updates' : 'windows of trials'}.`}
        />
      )}
    </Card>
  );
}

function softmaxRows(policies: StudyStore['policies'], parts: readonly Decision[]): HeatRow[] {
  const all = policies.map(({ bytes }) => bytesOf(bytes));
  return parts.flatMap(({ first, group, options }) =>
    options.map(
      (label, option): HeatRow => ({
        label,
        ...(option === 0 && { group }),
        values: Float32Array.from(all, (bytes) => (bytes[first + option] ?? Number.NaN) / 255),
      }),
    ),
  );
}

function frequencyRows(study: StudyStore, arm: number, parts: readonly Decision[]): HeatRow[] {
  const { count, length, decisions } = study;
  const each = Math.max(1, Math.ceil(count / windowsShown));
  const columns = Math.ceil(count / each);
  const totals = new Float64Array(columns);
  const counts = parts.map(({ options }) => options.map(() => new Float64Array(columns)));
  if (length === 0) return [];
  for (let trial = 0; trial < count; trial++) {
    if (study.arms.length > 1 && study.armOf(trial) !== arm) continue;
    const column = Math.floor(trial / each);
    totals[column]!++;
    parts.forEach(({ index }, part) => {
      const option = counts[part]![decisions[trial * length + index]!];
      if (option) option[column]!++;
    });
  }
  return parts.flatMap(({ group, options }, part) =>
    options.map(
      (label, option): HeatRow => ({
        label,
        ...(option === 0 && { group }),
        values: counts[part]![option]!.map((value, column) =>
          totals[column]! === 0 ? Number.NaN : value / totals[column]!,
        ),
      }),
    ),
  );
}

const figureWords: Record<string, string> = {
  entropies: 'entropies',
  entropy: 'entropy of its choices, nats',
  baseline: 'baseline of the rewards',
  meanAdvantage: 'mean advantage',
  clipFraction: 'clipped share',
  kl: 'KL divergence of the update',
  gradientNorm: 'norm of the gradient',
};

/** Entropies of one kind of choices, as shares of the largest that is possible. */
const entropyKinds = ['inputEntropy', 'operationEntropy', 'combinerEntropy'];

function Figures({ study, arm }: { study: StudyStore; arm: number }) {
  study.watch();
  const own = study.updates.filter(({ figures }) => figures.arm === undefined || figures.arm === arm);
  const known = [...new Set(own.flatMap(({ figures }) => Object.keys(figures)))];
  const hasKinds = entropyKinds.some((kind) => known.includes(kind));
  const names = [
    ...(hasKinds ? ['entropies'] : []),
    ...known.filter((name) => !['update', 'arm', ...entropyKinds].includes(name)),
  ];
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const name = chosen !== undefined && names.includes(chosen) ? chosen : names[0];
  const shown =
    name === 'entropies' ? entropyKinds.filter((kind) => known.includes(kind)) : name === undefined ? [] : [name];
  const series = shown.map(
    (key, index): Series => ({
      name: name === 'entropies' ? `${key.replace('Entropy', '')}s` : (figureWords[key] ?? key),
      kind: own.length > 1 ? 'line' : 'points',
      x: own.map(({ trial }) => trial),
      y: own.map(({ figures }) => figures[key] ?? Number.NaN),
      colour: seriesColour(index),
      dash: [...dashes[index]!],
      shape: shapeOf(index),
      sorted: true,
    }),
  );
  const isShare = name === 'entropies';
  const words = isShare ? 'entropy, share of the largest' : (figureWords[name ?? ''] ?? name ?? '');
  const format = isShare
    ? (value: number) => percent(value, 0)
    : (value: number) => Number(value.toPrecision(3)).toString();
  return (
    <Card
      title="Its updates"
      aside={
        <Choice
          label="figure"
          value={name ?? ''}
          onChange={setChosen}
          options={names.map((each) => [each, figureWords[each] ?? each])}
        />
      }
    >
      {series.length === 0 ? (
        <Nothing>
          {study.arms[arm]!.startsWith('ppo')
            ? 'The controller has not been updated yet.'
            : `${study.arms[arm]} has no updates: it keeps no weights.`}
        </Nothing>
      ) : (
        <Plot
          series={series}
          xLabel="trial"
          yLabel={words}
          formatX={whole}
          formatY={format}
          height={260}
          summary={`${words} over ${plural(own.length, 'update')}; now ${series.map(({ name: each, y }) => `${each} ${format(y[own.length - 1] ?? 0)}`).join(', ')}.`}
        />
      )}
    </Card>
  );
}

/** The most probable choice of each decision, by the latest policy or the latest trials. */
function SampledNow({ study, arm }: { study: StudyStore; arm: number }) {
  study.watch();
  const latest = study.policies.findLast((policy) => policy.arm === arm || study.arms.length === 1);
  const { space, blocks } = study.settings;
  const sizes = decisionSizes(blocks, space);
  if (!latest) {
    const trials =
      study.count > 0
        ? [...study.state.subarray(0, study.count)]
            .map((_, trial) => trial)
            .filter((trial) => study.arms.length === 1 || study.armOf(trial) === arm)
        : [];
    return (
      <Card title="Its latest cells">
        <ul class="plain">
          {trials
            .slice(-8)
            .toReversed()
            .map((trial) => (
              <li key={trial}>
                <TrialLink trial={trial} />{' '}
                <span class="quiet">
                  {study.state[trial] === done ? rewardWords(study.reward[trial]!) : 'no reward yet'}
                </span>
              </li>
            ))}
        </ul>
      </Card>
    );
  }
  const bytes = bytesOf(latest.bytes);
  let at = 0;
  let certainty = 0;
  const decisions = sizes.map((size) => {
    const own = Array.from(bytes.subarray(at, at + size));
    at += size;
    const most = Math.max(...own);
    certainty += Math.log(Math.max(most, 1) / 255);
    return Math.max(0, own.indexOf(most));
  });
  const architecture = decode(decisions, space);
  return (
    <Card title="What it would sample now" aside={`after update ${latest.update}`}>
      <p class="quiet">
        The most probable choice of every decision
        {certainty > Math.log(0.01)
          ? `, which together have a probability of about ${percent(Math.exp(certainty), 0)}`
          : '; single cells vary widely still'}
        .
      </p>
      <CellPair architecture={architecture} />
    </Card>
  );
}

/** Who descends from whom: every trial by number and reward, its line to its parent; the best trial's line bold. */
function Family({ study }: { study: StudyStore }) {
  study.watch();
  const [best] = bestTrials(study, 1);
  const { links, strong, line, x, y } = useMemo(
    () => familyOf(study, best?.trial),
    [study.count, study.version.value, best?.trial],
  );
  if (links.length === 0)
    return (
      <Card title="Family tree">
        <Nothing>
          Parents appear once evolution changes cells, after its first population. Studies of older versions do not keep
          them.
        </Nothing>
      </Card>
    );
  return (
    <Card title="Family tree of the best" aside={`${plural(line.length - 1, 'ancestor')}`}>
      <Plot
        series={[
          { name: 'trials', kind: 'points', x, y, ids: x, sorted: true, colour: '--points', shape: 'circle' },
          {
            name: 'line of the best',
            kind: 'points',
            x: line,
            y: line.map((trial) => study.reward[trial]!),
            ids: line,
            colour: '--s2',
            shape: 'diamond',
            size: 4,
          },
        ]}
        links={links}
        strongLinks={strong}
        xLabel="trial"
        yLabel="reward"
        formatX={whole}
        formatY={(value) => rewardWords(value, 1)}
        height={340}
        onPick={(trial) =>
          go('cells', { a: String(trial), ...(study.parent[trial]! >= 0 && { b: String(study.parent[trial]) }) })
        }
        describe={(trial) =>
          `trial ${trial}: ${rewardWords(study.reward[trial]!)}${study.parent[trial]! >= 0 ? `, child of ${study.parent[trial]}` : ''}`
        }
        summary={`The best trial, ${best?.trial}, descends from ${line.slice(0, -1).join(', ') || 'nobody'}.`}
      />
      <ol class="line">
        {line.map((trial) => (
          <li key={trial}>
            <TrialLink trial={trial} /> {rewardWords(study.reward[trial]!)}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function familyOf(study: StudyStore, best: number | undefined) {
  const isShown = (trial: number) => trial >= 0 && study.state[trial] === done;
  const x: number[] = [];
  const y: number[] = [];
  const links: number[] = [];
  for (let trial = 0; trial < study.count; trial++) {
    if (!isShown(trial)) continue;
    x.push(trial);
    y.push(study.reward[trial]!);
    const parent = study.parent[trial]!;
    if (isShown(parent)) links.push(parent, study.reward[parent]!, trial, study.reward[trial]!);
  }
  const line: number[] = [];
  for (let trial = best ?? -1; isShown(trial) && line.length < study.count; trial = study.parent[trial]!)
    line.unshift(trial);
  const strong = line
    .slice(1)
    .flatMap((trial, index) => [line[index]!, study.reward[line[index]!]!, trial, study.reward[trial]!]);
  return {
    links: Float64Array.from(links),
    strong: Float64Array.from(strong),
    line,
    x: Float64Array.from(x),
    y: Float64Array.from(y),
  };
}

const bestShare = 0.05;
const fewest = 8; // trials whose share says anything

function BeyondChance({ study }: { study: StudyStore }) {
  study.watch();
  const [cell, setCell] = useState<'both' | 'normal' | 'reduction'>('both');
  const version = study.watch();
  const found = useMemo(() => sharesOf(study, cell), [study, version, cell]);
  const caption = `Shares in the best ${found.best} of ${found.all} trials that were trained, with 95% intervals`;
  return (
    <Card
      title="What the best have beyond chance"
      aside={
        <Choice
          label="cell"
          value={cell}
          onChange={(value) => setCell(value as 'both')}
          options={[
            ['both', 'both'],
            ['normal', 'normal'],
            ['reduction', 'reduction'],
          ]}
        />
      }
    >
      {found.best < fewest ? (
        <Nothing>
          The best 5% are {plural(found.best, 'trial')} so far: from {fewest} on, their shares are compared.
        </Nothing>
      ) : (
        <div class="columns">
          <div>
            <h3>Operations</h3>
            <Intervals
              rows={found.operations}
              format={(value) => percent(value)}
              caption={caption}
              chanceName="chance"
              otherName="all trials"
            />
          </div>
          <div>
            <h3>Inputs</h3>
            <Intervals
              rows={found.inputs}
              format={(value) => percent(value)}
              caption={caption}
              chanceName="chance"
              otherName="all trials"
            />
          </div>
        </div>
      )}
    </Card>
  );
}

function sharesOf(study: StudyStore, cell: 'both' | 'normal' | 'reduction') {
  const all = study.length === 0 ? [] : topRewards(study, study.count);
  const best = all.slice(0, Math.ceil(all.length * bestShare));
  const { space, blocks } = study.settings;
  const { operations } = spaceOf(space);
  const sizes = decisionSizes(blocks, space);
  const half = sizes.length / 2;
  const places = sizes.flatMap((_, index) =>
    (index < half ? cell !== 'reduction' : cell !== 'normal') ? [index] : [],
  );
  const inputs = inputCount({ ...cellForm(spaceOf(space), blocks), blocks: [] });
  const operationPlaces = places.filter((index) => index % 5 === 2 || index % 5 === 3);
  const inputPlaces = places.filter((index) => index % 5 < 2);
  const share = (trial: number, at: readonly number[], option: number) => {
    const base = trial * study.length;
    return at.reduce((sum, index) => sum + Number(study.decisions[base + index] === option), 0) / at.length;
  };
  const rowOf = (label: string, at: readonly number[], option: number): IntervalRow[] => {
    const interval = meanInterval(best.map((trial) => share(trial, at, option)));
    if (!interval) return [];
    const chance = at.reduce((sum, index) => sum + (option < sizes[index]! ? 1 / sizes[index]! : 0), 0) / at.length;
    const step = Math.max(1, Math.floor(all.length / 2000)); // of all trials 2,000 say enough
    const others = all.filter((_, index) => index % step === 0);
    const other = others.reduce((sum, trial) => sum + share(trial, at, option), 0) / others.length;
    const { mean, half: spread } = interval;
    return [{ label, value: mean, low: Math.max(0, mean - spread), high: mean + spread, chance, other }];
  };
  const byValue = (rows: IntervalRow[]) => rows.sort((a, b) => b.value - (b.chance ?? 0) - (a.value - (a.chance ?? 0)));
  const states = Array.from({ length: inputs + blocks - 1 }, (_, state) =>
    state < inputs ? (state === 0 ? 'h_i' : `h_i−${state}`) : `block ${state - inputs + 1}`,
  );
  return {
    best: best.length,
    all: all.length,
    operations: byValue(
      Object.keys(operations).flatMap((name, option) =>
        rowOf(operationLabel(name, operations), operationPlaces, option),
      ),
    ),
    inputs: byValue(states.flatMap((name, option) => rowOf(name, inputPlaces, option))),
  };
}
