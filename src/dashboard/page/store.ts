// What the page knows of one study: columns of its trials that grow, and the course of its search. A change bumps
// `version` once a frame; whatever is shown is computed from here.

import { signal } from '@preact/signals';
import { armLabels, armNames } from '../../search/arms-strategy.ts';
import type { Changes, Epoch, FailuresAnswer, SelectionAnswer, StudyAnswer } from '../answers.ts';
import { decodeColumns } from '../column-bytes.ts';
import type { AttemptEvent, Course } from '../course.ts';
import type { StreamMessage } from '../server/change-stream.ts';
import { none, states, type TrialRow } from '../trial-columns.ts';
import { type ViewedSettings, viewedSettings } from '../viewed-settings.ts';
import type { OfferedStudy, Source } from './source.ts';

export const [queued, running, done, failed] = states.map((_, index) => index) as [number, number, number, number];

export interface Loaded {
  core: boolean;
  figures: boolean;
  decisions: boolean;
  course: boolean;
  selection: boolean;
  attempts: boolean;
}

/** The epochs of a training that runs. */
export interface RunningCurve {
  trial: number;
  rung: number;
  epochs: Epoch[];
}

const mostAttempts = 20_000; // events that are kept of the course of trainings

export class StudyStore {
  readonly index: number;
  readonly name: string;
  readonly path: string;
  readonly source: Source;
  readonly version = signal(0);
  readonly loaded = signal<Loaded>({
    core: false,
    figures: false,
    decisions: false,
    course: false,
    selection: false,
    attempts: false,
  });
  readonly trouble = signal<string | undefined>(undefined);
  /** Whether a search works on it; undefined: nobody knows. */
  readonly searched = signal<boolean | undefined>(undefined);

  settings: ViewedSettings = viewedSettings({});
  answer: StudyAnswer = { sequence: 0, asked: 0, settings: {}, results: {}, sessions: [] };
  sequence = 0;
  count = 0;
  state = new Uint8Array(0);
  reward = new Float32Array(0);
  sameAs = new Int32Array(0);
  attempts = new Uint8Array(0);
  asked = new Float64Array(0);
  started = new Float64Array(0);
  finished = new Float64Array(0);
  seconds = new Float32Array(0);
  parameters = new Float32Array(0);
  multiplyAdds = new Float32Array(0);
  memory = new Float32Array(0);
  /** Predicted milliseconds of the final network, where the search limits them. */
  latency = new Float32Array(0);
  predicted = new Float32Array(0);
  parent = new Int32Array(0);
  decisions = new Uint8Array(0);
  /** Decisions of one trial. */
  length = 0;
  readonly byHand = new Set<number>();
  updates: Course['updates'] = [];
  policies: Course['policies'] = [];
  requests: Course['requests'] = [];
  trainings: AttemptEvent[] = [];
  selection: SelectionAnswer = { rungs: [], finalists: [] };
  failures: FailuresAnswer = { kinds: [], latest: [] };
  readonly curves = new Map<string, RunningCurve>();
  #bumping = false;

  constructor(source: Source, index: number, { name, path, searched }: OfferedStudy) {
    this.source = source;
    this.index = index;
    this.name = name;
    this.path = path;
    this.searched.value = searched;
  }

  /** Registers the component being drawn: it is drawn again after every change. */
  watch(): number {
    return this.version.value;
  }

  /** Labels of the strategies that take turns; one where there is only one. */
  get arms(): string[] {
    return armLabels(armNames(this.settings.strategy));
  }

  armOf(trial: number): number {
    return trial < this.settings.known ? -1 : trial % this.arms.length;
  }

  decisionsOf(trial: number): number[] {
    return Array.from(this.decisions.subarray(trial * this.length, (trial + 1) * this.length));
  }

  /** Loads the data that the first picture needs. */
  async open(): Promise<void> {
    const [answer, core] = await Promise.all([
      this.source.ask(this.index, 'study'),
      this.source.ask(this.index, 'trials', { group: 'core', from: 0 }),
    ]);
    this.#about(answer);
    this.sequence = answer.sequence;
    this.#take(core);
    this.#nowLoaded('core');
  }

  /** Everything else, in the order in which one looks at it. */
  async complete(): Promise<void> {
    const { source, index } = this;
    const parts: [keyof Loaded, () => Promise<void>][] = [
      ['figures', async () => this.#take(await source.ask(index, 'trials', { group: 'figures', from: 0 }))],
      ['attempts', () => this.#readAttempts()],
      ['decisions', async () => this.#take(await source.ask(index, 'trials', { group: 'decisions', from: 0 }))],
      ['course', async () => this.#course(await source.ask(index, 'course', { after: 0 }))],
      ['selection', () => this.#select()],
    ];
    if (source.kind === 'live') this.#change(await source.ask(index, 'changes', { after: this.sequence }), true);
    for (const [part, load] of parts) {
      await load();
      this.#nowLoaded(part);
    }
  }

  /** Takes a message of the stream. */
  receive({ trouble, searched, changes }: StreamMessage): void {
    this.trouble.value = trouble;
    if (searched !== undefined) this.searched.value = searched;
    if (!changes) return;
    if (changes.after > this.sequence) return void this.#catchUp(); // messages before this page listened
    if (changes.reload) return void this.#reload();
    this.#change(changes, false);
  }

  async #catchUp(): Promise<void> {
    this.#change(await this.source.ask(this.index, 'changes', { after: this.sequence }), true);
  }

  async #reload(): Promise<void> {
    await this.open();
    this.updates = [];
    this.policies = [];
    this.requests = [];
    await this.complete();
  }

  #about(answer: StudyAnswer): void {
    this.answer = answer;
    this.settings = viewedSettings(answer.settings.settings);
    this.#grow(answer.asked);
  }

  /** @param whole the running epochs are all there are, not those since the last message */
  #change(changes: Changes, whole: boolean): void {
    if (changes.study) {
      const { settings } = changes.study;
      this.answer = { ...changes.study, sequence: changes.sequence, asked: changes.asked };
      this.settings = viewedSettings(settings.settings);
    }
    if (changes.reload) return void this.#reload();
    this.#grow(changes.asked);
    for (const row of changes.trials) this.#set(row);
    this.#course(changes);
    const last = this.trainings.at(-1)?.sequence ?? 0;
    this.trainings.push(...changes.attempts.filter(({ sequence }) => sequence > last));
    if (this.trainings.length > mostAttempts) this.trainings = this.trainings.slice(-mostAttempts);
    if (whole) this.curves.clear();
    for (const { trial, rung, ...epoch } of changes.running) {
      const key = `${trial} ${rung}`;
      const curve = this.curves.get(key) ?? { trial, rung, epochs: [] };
      const others = curve.epochs.filter((other) => other.attempt === epoch.attempt && other.epoch !== epoch.epoch);
      curve.epochs = [...others, epoch].sort((a, b) => a.epoch - b.epoch);
      this.curves.set(key, curve);
    }
    for (const { kind, trial, rung = 0, run } of changes.attempts)
      if (kind !== 'start' && run === undefined) this.curves.delete(`${trial} ${rung}`);
    this.sequence = Math.max(this.sequence, changes.sequence);
    if (changes.selection && this.loaded.value.selection) void this.#select().then(() => this.#bump());
    this.#bump();
  }

  async #readAttempts(): Promise<void> {
    this.trainings = await this.source.ask(this.index, 'attempts', { limit: 4000 });
  }

  async #select(): Promise<void> {
    const [selection, failures] = await Promise.all([
      this.source.ask(this.index, 'selection'),
      this.source.ask(this.index, 'failures', { limit: 200 }),
    ]);
    this.selection = selection;
    this.failures = failures;
  }

  async readFailures(): Promise<void> {
    this.failures = await this.source.ask(this.index, 'failures', { limit: 200 });
    this.#bump();
  }

  #course({ updates, policies, parents, byHand, predictions, requests }: Course): void {
    const lastUpdate = this.updates.at(-1)?.at ?? 0;
    const known = new Set(this.policies.map(({ arm, update }) => `${arm} ${update}`));
    const isNew = ({ at }: { at: number }) => at >= lastUpdate;
    this.updates.push(...updates.filter((update) => isNew(update) && !this.#hasUpdate(update)));
    this.policies.push(...policies.filter(({ arm, update }) => !known.has(`${arm} ${update}`)));
    const latest = this.requests.at(-1)?.at ?? 0;
    this.requests.push(...requests.filter(({ at }) => at > latest));
    for (const [trial, parent] of parents) if (trial < this.count) this.parent[trial] = parent;
    for (const trial of byHand) this.byHand.add(trial);
    for (const [trial, seconds] of predictions) if (trial < this.count) this.predicted[trial] = seconds;
  }

  #hasUpdate({ trial, at }: Course['updates'][number]): boolean {
    for (let index = this.updates.length - 1; index >= 0 && this.updates[index]!.at >= at; index--)
      if (this.updates[index]!.trial === trial && this.updates[index]!.at === at) return true;
    return false;
  }

  #take(bytes: Uint8Array): void {
    const { first, count, columns } = decodeColumns(bytes);
    this.#grow(first + count);
    for (const [name, values] of Object.entries(columns)) {
      if (name === 'decisions') {
        this.length = count === 0 ? 0 : values.length / count;
        this.#grow(this.count);
        this.decisions.set(values as Uint8Array, first * this.length);
      } else (this[name as 'reward'] as Float32Array).set(values as Float32Array, first);
    }
  }

  #set(row: TrialRow): void {
    const { number: at } = row;
    if (at >= this.count) this.#grow(at + 1);
    this.state[at] = states.indexOf(row.state);
    this.reward[at] = row.reward ?? Number.NaN;
    this.sameAs[at] = row.sameAs ?? none;
    this.attempts[at] = row.attempts;
    this.asked[at] = row.asked;
    this.started[at] = row.started ?? Number.NaN;
    this.finished[at] = row.finished ?? Number.NaN;
    this.seconds[at] = row.seconds ?? Number.NaN;
    this.parameters[at] = row.parameters ?? Number.NaN;
    this.multiplyAdds[at] = row.multiplyAdds ?? Number.NaN;
    this.memory[at] = row.memory ?? Number.NaN;
    this.latency[at] = row.latency ?? Number.NaN;
    if (this.length === 0) {
      this.length = row.decisions.length;
      this.#grow(this.count);
    }
    if (row.decisions.length === this.length) this.decisions.set(row.decisions, at * this.length);
  }

  /** Makes room for so many trials. */
  #grow(count: number): void {
    this.count = Math.max(this.count, count);
    const room = this.state.length;
    const wanted = this.count <= room ? room : Math.max(64, Math.ceil(this.count * 1.25));
    if (wanted > room) {
      this.state = grown(this.state, wanted, 0);
      this.reward = grown(this.reward, wanted, Number.NaN);
      this.sameAs = grown(this.sameAs, wanted, none);
      this.attempts = grown(this.attempts, wanted, 0);
      this.asked = grown(this.asked, wanted, Number.NaN);
      this.started = grown(this.started, wanted, Number.NaN);
      this.finished = grown(this.finished, wanted, Number.NaN);
      this.seconds = grown(this.seconds, wanted, Number.NaN);
      this.parameters = grown(this.parameters, wanted, Number.NaN);
      this.multiplyAdds = grown(this.multiplyAdds, wanted, Number.NaN);
      this.memory = grown(this.memory, wanted, Number.NaN);
      this.latency = grown(this.latency, wanted, Number.NaN);
      this.predicted = grown(this.predicted, wanted, Number.NaN);
      this.parent = grown(this.parent, wanted, none);
    }
    if (this.decisions.length < wanted * this.length) this.decisions = grown(this.decisions, wanted * this.length, 0);
  }

  #nowLoaded(part: keyof Loaded): void {
    this.loaded.value = { ...this.loaded.value, [part]: true };
    this.#bump();
  }

  /** At most once a frame; a hidden page draws nothing, but counts. */
  #bump(): void {
    if (this.#bumping) return;
    this.#bumping = true;
    const bump = () => {
      this.#bumping = false;
      this.version.value++;
    };
    if (document.hidden) setTimeout(bump);
    else requestAnimationFrame(bump);
  }
}

type Numbers = Uint8Array | Int32Array | Float32Array | Float64Array;

function grown<Kind extends Numbers>(old: Kind, length: number, value: number): Kind {
  const fresh = new (old.constructor as new (length: number) => Kind)(length).fill(value) as Kind;
  fresh.set(old);
  return fresh;
}
