// The pictures of the paper's Figure 4 of any trial, two side by side with their differences marked, and neighbours.

import { useMemo } from 'preact/hooks';
import { drawArchitecture } from '../../../draw/picture.ts';
import { shellPath } from '../../../shell-path.ts';
import type { Architecture } from '../../../space/architecture.ts';
import { architectureKey } from '../../../space/canonical.ts';
import { decisionKind, decode } from '../../../space/decisions.ts';
import { describeCell, printArchitecture } from '../../../space/print.ts';
import { type CellDifference, compareCells } from '../cell-difference.ts';
import { CellPair } from '../cell-picture.tsx';
import { bestTrials } from '../figures.ts';
import { rewardWords, short } from '../page-words.ts';
import { architectureOf, Card, CopyButton, downloadText, Nothing, TrialLink } from '../parts.tsx';
import { go, route } from '../route.ts';
import { done, type StudyStore } from '../store.ts';
import { Choice, FindTrial } from './rewards.tsx';

const offered = 10; // of the best trials

export function CellsView({ study }: { study: StudyStore }) {
  const version = study.watch();
  const best = useMemo(() => bestTrials(study, offered), [study, version]);
  const { a, b } = route.value.parameters;
  const first = a === undefined ? best[0]?.trial : Number(a);
  const second = b === undefined ? undefined : Number(b);
  const show = (one: number | undefined, other: number | undefined) =>
    go('cells', { ...(one !== undefined && { a: String(one) }), ...(other !== undefined && { b: String(other) }) });
  if (!study.loaded.value.decisions) return <Nothing>Reading the cells …</Nothing>;
  if (first === undefined)
    return (
      <Card title="Cells">
        <Nothing>No child has a reward yet. Its cells are drawn here as soon as one has.</Nothing>
      </Card>
    );
  const cells = [first, second].map((trial) => (trial === undefined ? undefined : architectureOf(study, trial)));
  const difference = cells[0] && cells[1] ? bothDifferences(cells[0], cells[1]) : undefined;
  return (
    <>
      <div class="toolbar">
        <Picker study={study} label="Cells of" trial={first} best={best} onPick={(trial) => show(trial, second)} />
        <Picker study={study} label="compared with" trial={second} best={best} onPick={(trial) => show(first, trial)} />
        {second !== undefined && (
          <button type="button" class="button" onClick={() => show(first, undefined)}>
            One only
          </button>
        )}
      </div>
      <div class={second === undefined ? 'one' : 'two'}>
        <CellCard
          study={study}
          trial={first}
          architecture={cells[0]}
          marked={difference?.map(({ marked }) => marked[0])}
        />
        {second !== undefined && (
          <CellCard
            study={study}
            trial={second}
            architecture={cells[1]}
            marked={difference?.map(({ marked }) => marked[1])}
          />
        )}
      </div>
      {difference && <Differences difference={difference} />}
      <Neighbours study={study} trial={first} onCompare={(trial) => show(first, trial)} />
    </>
  );
}

/** Of the normal and the reduction cell. */
const bothDifferences = (first: Architecture, second: Architecture): [CellDifference, CellDifference] => [
  compareCells(first.normal, second.normal, first.operations),
  compareCells(first.reduction, second.reduction, first.operations),
];

function Picker({
  study,
  label,
  trial,
  best,
  onPick,
}: {
  study: StudyStore;
  label: string;
  trial: number | undefined;
  best: { trial: number; reward: number }[];
  onPick: (trial: number) => void;
}) {
  study.watch();
  const known = best.some((each) => each.trial === trial);
  const options: [string, string][] = [
    ...(trial === undefined ? [['', '–'] as [string, string]] : []),
    ...(trial !== undefined && !known ? [[String(trial), `trial ${trial}`] as [string, string]] : []),
    ...best.map(({ trial: number, reward }, place): [string, string] => [
      String(number),
      `${place + 1}. trial ${number}, ${rewardWords(reward)}`,
    ]),
  ];
  return (
    <span class="controls">
      <Choice
        label={label}
        value={String(trial ?? '')}
        options={options.length < 2 ? [...options, ['', '–']] : options}
        onChange={(value) => value !== '' && onPick(Number(value))}
      />
      <FindTrial study={study} onFind={onPick} label="trial" />
    </span>
  );
}

function CellCard({
  study,
  trial,
  architecture,
  marked,
}: {
  study: StudyStore;
  trial: number;
  architecture: Architecture | undefined;
  marked: ReadonlySet<string>[] | undefined;
}) {
  study.watch();
  const reward = study.reward[trial];
  const title = `Trial ${trial}${reward === undefined || Number.isNaN(reward) ? '' : `: ${rewardWords(reward)}`}`;
  if (!architecture)
    return (
      <Card title={title}>
        <Nothing>The study has no cells for this number.</Nothing>
      </Card>
    );
  const svg = () => drawArchitecture(architecture, { title: `${study.name}, trial ${trial}` });
  const size = [
    ['parameters', study.parameters[trial]!],
    ['multiply-adds', study.multiplyAdds[trial]!],
  ] as const;
  const sizes = size.filter(([, value]) => !Number.isNaN(value)).map(([name, value]) => `${short(value)} ${name}`);
  return (
    <Card title={title} aside={sizes.length > 0 ? `as a child: ${sizes.join(', ')}` : undefined}>
      <CellPair architecture={architecture} marked={marked} />
      <div class="controls">
        <CopyButton text={() => printArchitecture(architecture)}>Copy as architecture file</CopyButton>
        <CopyButton text={() => trainCommand(study, trial)}>Copy command to train it</CopyButton>
        <button type="button" class="button" onClick={() => downloadText(`trial-${trial}.svg`, svg(), 'image/svg+xml')}>
          Download SVG
        </button>
      </div>
      <details>
        <summary>As equations</summary>
        <div class="pair">
          {(['normal', 'reduction'] as const).map((which) => (
            <pre key={which}>{[`${which} cell`, ...describeCell(architecture[which])].join('\n')}</pre>
          ))}
        </div>
      </details>
    </Card>
  );
}

export function trainCommand(study: StudyStore, trial: number): string {
  const { cells, filters } = study.settings.final;
  return `nasnet train ${shellPath(`${study.path}#${trial}:${cells || 6}`)} --filters ${filters || 32}`;
}

function Differences({ difference }: { difference: [CellDifference, CellDifference] }) {
  const names = ['Normal cell', 'Reduction cell'];
  const total = difference[0].lines.length + difference[1].lines.length;
  return (
    <Card title="What differs" aside={total === 0 ? undefined : 'framed in the pictures'}>
      {total === 0 && <p>Nothing: both are the same network.</p>}
      {difference.map(
        ({ lines }, index) =>
          lines.length > 0 && (
            <div key={names[index]}>
              <h3>{names[index]}</h3>
              <ul class="differences">
                {lines.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </div>
          ),
      )}
    </Card>
  );
}

interface Neighbour {
  trial: number;
  what: string;
}

const mostNeighbours = 60;

function Neighbours({
  study,
  trial,
  onCompare,
}: {
  study: StudyStore;
  trial: number;
  onCompare: (trial: number) => void;
}) {
  study.watch();
  const found = useMemo(() => neighboursOf(study, trial), [study, study.count, trial, study.loaded.value.decisions]);
  const rewardOf = (number: number) => (study.state[number] === done ? study.reward[number]! : Number.NaN);
  const shown = found.slice(0, mostNeighbours);
  const own = rewardOf(trial);
  return (
    <Card
      title="Neighbours"
      aside={found.length > mostNeighbours ? `showing ${mostNeighbours} of ${found.length}` : undefined}
    >
      {found.length === 0 ? (
        <Nothing>No other trial has the same graph or differs in one decision only.</Nothing>
      ) : (
        <div class="scroll">
          <table>
            <caption class="sr">Trials that are the same graph as trial {trial}, or one decision away</caption>
            <thead>
              <tr>
                <th scope="col">trial</th>
                <th scope="col">reward</th>
                <th scope="col">difference</th>
                <th scope="col">what</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {shown.map(({ trial: number, what }) => {
                const apart = rewardOf(number) - own;
                return (
                  <tr key={number}>
                    <td>
                      <TrialLink trial={number} />
                    </td>
                    <td class="number">{rewardWords(rewardOf(number))}</td>
                    <td class="number">
                      {Number.isNaN(apart) ? '–' : `${apart > 0 ? '+' : ''}${(100 * apart).toFixed(2)}`}
                    </td>
                    <td>{what}</td>
                    <td>
                      <button type="button" class="button small" onClick={() => onCompare(number)}>
                        Compare
                      </button>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function neighboursOf(study: StudyStore, trial: number): Neighbour[] {
  const { length, decisions, count } = study;
  if (length === 0 || trial >= count) return [];
  const own = study.decisionsOf(trial);
  const architecture = architectureOf(study, trial);
  if (!architecture) return [];
  const key = architectureKey(architecture);
  const kind = kindOf(own);
  const same: Neighbour[] = [];
  const near: Neighbour[] = [];
  for (let other = 0; other < count; other++) {
    if (other === trial) continue;
    let changed = -1;
    let differing = 0;
    for (let index = 0; index < length && differing < 2; index++)
      if (decisions[other * length + index] !== own[index]) {
        changed = index;
        differing++;
      }
    if (differing === 0) same.push({ trial: other, what: 'the same decisions' });
    else if (isSameGraph(study, other, key, kind))
      same.push({ trial: other, what: 'the same graph, written differently' });
    else if (differing === 1) near.push({ trial: other, what: changeWords(study, trial, other, changed) });
  }
  return [...same, ...near.sort((a, b) => (study.reward[b.trial] || 0) - (study.reward[a.trial] || 0))];
}

/** A key takes 40 µs: it is computed only where operations and combiners are the same. */
function isSameGraph(study: StudyStore, other: number, key: string, kind: string): boolean {
  const decisions = study.decisionsOf(other);
  if (kindOf(decisions) !== kind) return false;
  try {
    return architectureKey(decode(decisions, study.settings.space)) === key;
  } catch {
    return false;
  }
}

function kindOf(decisions: readonly number[]): string {
  const half = decisions.length / 2;
  const sorted = (from: number) =>
    decisions
      .filter((_, index) => index >= from && index < from + half && decisionKind(index) !== 'input')
      .sort((x, y) => x - y)
      .join();
  return `${sorted(0)} ${sorted(half)}`;
}

function changeWords(study: StudyStore, trial: number, other: number, index: number): string {
  const half = study.length / 2;
  const cell = index < half ? 'normal' : 'reduction';
  const block = Math.floor((index % half) / 5) + 1;
  return `${cell} cell, block ${block}: ${decisionKind(index)} ${choiceWords(study, trial, index)} → ${choiceWords(study, other, index)}`;
}

function choiceWords(study: StudyStore, trial: number, index: number): string {
  const architecture = architectureOf(study, trial)!;
  const half = study.length / 2;
  const block = architecture[index < half ? 'normal' : 'reduction'].blocks[Math.floor((index % half) / 5)]!;
  const place = index % 5;
  if (place < 2) return `state ${block.inputs[place]}`;
  return place < 4 ? block.operations[place - 2]! : block.combine;
}
