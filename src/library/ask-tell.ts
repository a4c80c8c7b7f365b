// A search with one's own evaluator: ask for a trial, evaluate its architecture by whatever means, tell its reward. All of it is on
// disk before a call returns, so that a program that was killed goes on where it was. The deciding itself is experiment/dialogue.ts's.

import { existsSync } from 'node:fs';
import { type AskedTraining, Dialogue } from '../experiment/dialogue.ts';
import { KnownRewards } from '../experiment/remembered.ts';
import { orderSchema } from '../experiment/search-loop.ts';
import { InputError } from '../failure.ts';
import type { Architecture } from '../space/architecture.ts';
import { decisionSizes } from '../space/decisions.ts';
import { defaultSpace, type Space, spaceOf } from '../space/search-space.ts';
import { Candidate } from '../study/candidate.ts';
import type { EpochReport, TrialFailure } from '../study/outcome.ts';
import { openSearch } from '../study/parse-settings.ts';
import { settingsOf } from '../study/presets.ts';
import type { StudySummary, TrialRecord } from '../study/records.ts';
import type { SearchSettings } from '../study/settings.ts';
import { Study } from '../study/study.ts';
import { random, type StrategyChoice } from './strategies.ts';

export interface StudyOptions {
  /** Default: `random()`. `ppo()` and other strategies that compute need `await ready()` before. */
  strategy?: StrategyChoice;
  /** Decides all random numbers of the strategy. Default 1. */
  seed?: number;
  /** Default: space A of the paper (section 3.1). One of one's own, by `defineSpace`, is stored in the study by value. */
  space?: Space;
  /** B, blocks per cell. Default: the space's, 5 in space A. */
  blocks?: number;
  /** How many trials are meant to be made; `trials()` ends there. Default 100. */
  trials?: number;
  /** What is searched on, in words for `nasnet show` and the report. Default: 'an evaluator of its own'. */
  subject?: string;
}

/** A trial with its reward. */
export interface FoundTrial {
  readonly number: number;
  readonly reward: number;
  readonly decisions: readonly number[];
  readonly architecture: Architecture;
  /** The same for two trials if and only if their architectures are the same network. */
  readonly key: string;
  /** What was told beside the reward. */
  readonly details: unknown;
}

/** The word that stands for a preset in studies that were begun here. */
const preset = 'own evaluator';
const eventsPerSnapshot = 40;

/**
 * A new study in a file, or the one that lies there, to go on with it. One process at a time writes a study; `nasnet show` and
 * `nasnet report` read it meanwhile.
 * @param path of the SQLite file; folders are made
 * @throws InputError where the options are others than those that an existing study was begun with, where another process writes it,
 * or the file is no study; Failure where the disk is full or the strategy decides otherwise than it did
 */
export function openStudy(path: string, options: StudyOptions = {}): AskTellStudy {
  return new AskTellStudy(path, options);
}

export class AskTellStudy implements Disposable {
  readonly #study: Study<SearchSettings>;
  readonly #dialogue: Dialogue;
  /** Trials that have no outcome and that nobody of this process works on. */
  readonly #waiting: AskedTraining[];
  /** How many trials the dialogue may have asked for; raised by one at each ask. */
  #allowed: number;
  /** The first rewarded trial of each network; read from the study when it is first asked for. */
  #known: KnownRewards | undefined;
  #countedUntil = performance.now();
  #closed = false;

  /** Use `openStudy`. */
  constructor(path: string, options: StudyOptions) {
    const { strategy = random(), seed = 1 } = options;
    const settings = settingsFor(options, strategy, seed);
    this.#study = existsSync(path) ? reopened(path, options, settings) : Study.create(path, settings);
    try {
      this.#study.settled('order', { inOrder: false, lookahead: 1 }, orderSchema);
      this.#allowed = this.#study.asked;
      const { space, blocks } = this.#study.settings;
      const fresh = strategy.create({
        sizes: decisionSizes(blocks, space),
        seed: this.#study.settings.seed,
        options: strategy.options,
      });
      if (fresh.name !== strategy.name)
        throw new InputError(`strategy: expected its own name "${strategy.name}", got "${fresh.name}"`);
      const self = this;
      this.#dialogue = new Dialogue(this.#study, fresh, {
        space,
        get trials() {
          return self.#allowed;
        },
        inOrder: false,
        lookahead: Number.POSITIVE_INFINITY,
        laterPerRung: 1,
        eventsPerSnapshot,
      });
      this.#dialogue.advance(); // outcomes that were on disk and not yet told
      this.#waiting = this.#queueAgain();
    } catch (error) {
      this.#study.close();
      throw error;
    }
  }

  /** The trials that a killed process worked on come first. */
  #queueAgain(): AskedTraining[] {
    const { log } = this.#study;
    this.#study.transaction(() => {
      for (const { number, running } of log.unfinished)
        if (running) log.putBack(number, 'requeue', 'the process that evaluated it ended');
    });
    return this.#dialogue.unfinished;
  }

  get path(): string {
    return this.#study.path;
  }

  /** What the study was begun with. */
  get settings(): Readonly<SearchSettings> {
    return this.#study.settings;
  }

  /** Trials that were asked for, those of earlier processes included. */
  get asked(): number {
    return this.#study.asked;
  }

  /**
   * The next trial to evaluate: one that an earlier process left without an outcome, else the strategy's next one. It may be called
   * again before earlier trials are told, for as many evaluations at once as one wants.
   * @throws Failure where the disk is full
   */
  ask(): Trial {
    const { number, candidate } = this.#waiting.shift() ?? this.#fresh();
    const { log } = this.#study;
    log.start(number);
    return new Trial(number, candidate, {
      report: (epoch) => log.epoch(number, epoch),
      done: (reward, seconds, details) => {
        log.finish(number, { reward, seconds, details });
        this.#tell({ number, rung: 0, outcome: { reward } });
        this.#known?.add(candidate, { number, reward });
      },
      failed: (failure, seconds) => {
        log.fail(number, failure, seconds);
        this.#tell({ number, rung: 0, outcome: { failed: failure.kind } });
      },
      earlier: () => this.#earlier(candidate),
    });
  }

  #fresh(): AskedTraining {
    this.#allowed = this.#study.asked + 1;
    const [asked] = this.#dialogue.advance().asked;
    return asked!;
  }

  #tell(finished: Parameters<Dialogue['finished']>[0]): void {
    this.#dialogue.finished(finished);
    this.#study.transaction(() => {
      this.#dialogue.advance();
      this.#countTime();
    });
  }

  /**
   * One trial after the other until the study has `until` of them, those of earlier processes included. Each must be told, or have
   * failed, before the next is taken.
   * @param until default: the `trials` that the study was begun with
   */
  *trials(until = this.#study.settings.trials): Generator<Trial, void, undefined> {
    while (this.#waiting.length > 0 || this.#study.asked < until) {
      const trial = this.ask();
      yield trial;
      if (!trial.told) throw new Error(`trial ${trial.number}: expected tell() or fail() before the next trial`);
    }
  }

  /** The trials of highest reward, best first; of equal ones the earlier first. */
  best(count = 1): FoundTrial[] {
    const { space } = this.#study.settings;
    return this.#study.best(count).map((trial) => foundTrial(trial, space));
  }

  #earlier(candidate: Candidate): FoundTrial | undefined {
    this.#known ??= new KnownRewards(this.#study.evaluated());
    const known = this.#known.get(candidate);
    return known && foundTrial(this.#study.trial(known.number)!, candidate.space);
  }

  /** All trials by number: states, decisions, rewards, failures, times. */
  records(): TrialRecord[] {
    return this.#study.trials();
  }

  /** Counts, best and mean reward, time. */
  summary(): StudySummary {
    return this.#study.summary();
  }

  #countTime(): void {
    const now = performance.now();
    this.#study.addSearchTime(now - this.#countedUntil);
    this.#countedUntil = now;
  }

  /** Keeps the strategy as it is, and lets another process write the study. Trials that were not told are evaluated again later. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#study.transaction(() => {
        this.#dialogue.snapshot();
        this.#countTime();
      });
    } finally {
      this.#study.close();
    }
  }

  /** @internal Closes the file as a kill would: nothing is kept that is not on disk already. */
  abandon(): void {
    this.#closed = true;
    this.#study.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

interface Answers {
  report(epoch: EpochReport): void;
  done(reward: number, seconds: number, details: unknown): void;
  failed(failure: TrialFailure, seconds: number): void;
  earlier(): FoundTrial | undefined;
}

/** An architecture to evaluate. */
export class Trial {
  /** 0, 1, 2 … in the order of the asks. */
  readonly number: number;
  readonly #candidate: Candidate;
  readonly #answers: Answers;
  readonly #since = performance.now();
  #told = false;

  /** Made by `ask`. */
  constructor(number: number, candidate: Candidate, answers: Answers) {
    this.number = number;
    this.#candidate = candidate;
    this.#answers = answers;
  }

  /** 10B numbers, as the strategy decided them (space/decisions.ts). */
  get decisions(): readonly number[] {
    return this.#candidate.decisions;
  }

  get architecture(): Architecture {
    return this.#candidate.architecture;
  }

  /** The same for two trials if and only if their architectures are the same network. */
  get key(): string {
    return this.#candidate.key;
  }

  get told(): boolean {
    return this.#told;
  }

  /** An earlier trial of the same network, whose reward may be told again without an evaluation. */
  get earlier(): FoundTrial | undefined {
    return this.#answers.earlier();
  }

  /** Keeps the figures of an epoch, for charts. `report({ epoch: 1, loss: 0.9, accuracy: 0.6 })` */
  report(epoch: EpochReport): void {
    this.#answers.report(epoch);
  }

  /**
   * What the architecture is worth.
   * @param result.reward any finite number, the higher the better; from 0 to 1 where reports are to show it as a percentage
   * @param result.details JSON to be kept beside it
   * @param result.seconds that it took; default: since `ask`
   * @throws InputError for a reward that is no finite number, which leaves the trial open; Error for a second outcome
   */
  tell({ reward, details, seconds }: { reward: number; details?: unknown; seconds?: number }): void {
    if (typeof reward !== 'number' || !Number.isFinite(reward))
      throw new InputError(`trial ${this.number}: expected a finite number as its reward, got ${reward}`, {
        code: 'reward-not-finite',
        fields: { trial: this.number, got: reward },
      });
    this.#end();
    this.#answers.done(reward, seconds ?? this.#elapsed, details);
  }

  /** It could not be evaluated. @param reason an error, or a word for its kind and one sentence */
  fail(reason: Error | { kind: string; message: string }): void {
    this.#end();
    const kind = reason instanceof Error ? kindOf(reason) : reason.kind;
    this.#answers.failed({ kind, message: reason.message }, this.#elapsed);
  }

  get #elapsed(): number {
    return (performance.now() - this.#since) / 1000;
  }

  #end(): void {
    if (this.#told) throw new Error(`trial ${this.number} has its outcome already`);
    this.#told = true;
  }
}

/** Errors of nasnet's trainings say their kind: 'not-a-number', 'out-of-memory'. */
const kindOf = (error: Error): string => {
  const { kind } = error as { kind?: unknown };
  return typeof kind === 'string' ? kind : 'error';
};

function foundTrial({ number, reward, decisions, details }: TrialRecord, space: Space): FoundTrial {
  const { architecture, key } = new Candidate(decisions, space);
  return { number, reward: reward!, decisions, architecture, key, details };
}

/** As any study's, so that what reads studies reads this one; the child's training is nobody's here. */
function settingsFor(options: StudyOptions, strategy: StrategyChoice, seed: number): SearchSettings {
  const { space = defaultSpace, trials = 100, subject = 'an evaluator of its own' } = options;
  const { blocks = spaceOf(space).blocks } = options;
  const {
    finalists: _,
    size: __,
    ...settings
  } = settingsOf('smoke', {
    dataset: subject,
    seed,
    strategy: 'random',
    trials,
    space,
    blocks,
    remember: false,
  });
  return {
    ...settings,
    preset,
    strategy: strategy.name,
    strategyOptions: strategy.options,
    inOrder: false,
    evaluator: {},
  };
}

function reopened(path: string, options: StudyOptions, wanted: SearchSettings): Study<SearchSettings> {
  const study = openSearch(path);
  try {
    const { settings } = study;
    if (settings.preset !== preset)
      throw new InputError(`${path}: expected a study with an evaluator of its own, got one of nasnet search`);
    const said = (value: unknown) => JSON.stringify(value);
    const compared: (keyof SearchSettings & keyof StudyOptions)[] = ['seed', 'space', 'blocks'];
    for (const name of compared)
      if (options[name] !== undefined && said(settings[name]) !== said(options[name]))
        throw new InputError(
          `${path}: expected ${name} ${said(settings[name])}, as it was begun, got ${said(options[name])}`,
        );
    for (const name of ['strategy', 'strategyOptions'] as const)
      if (said(settings[name]) !== said(wanted[name]))
        throw new InputError(
          `${path}: expected ${name} ${said(settings[name])}, as it was begun, got ${said(wanted[name])}`,
        );
    return study;
  } catch (error) {
    study.close();
    throw error;
  }
}
