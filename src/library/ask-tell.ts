// A search with a custom evaluator: ask for a trial, evaluate its architecture, report its reward. Every call is on
// disk before it returns, so that a killed program can resume. experiment/dialogue.ts makes the decisions.

import { existsSync } from 'node:fs';
import { type AskedTraining, Dialogue } from '../experiment/dialogue.ts';
import { KnownRewards } from '../experiment/remembered.ts';
import { orderSchema } from '../experiment/search-loop.ts';
import { InputError } from '../failure.ts';
import { isFiniteReward } from '../search/reward.ts';
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
  /** Default: `random()`. `ppo()` needs `await ready()` first. */
  strategy?: StrategyChoice;
  /** Seed of the strategy's random numbers. Default 1. */
  seed?: number;
  /** Default: space A of the paper (section 3.1). A custom space (`defineSpace`) is stored in the study by value. */
  space?: Space;
  /** B, blocks per cell. Default: the space's, 5 in space A. */
  blocks?: number;
  /** Target number of trials, at which `trials()` ends. Default 100. */
  trials?: number;
  /** Description of the dataset or task, for `nasnet show` and the report. Default: 'a custom evaluator'. */
  subject?: string;
}

/** A trial with its reward. */
export interface RewardedTrial {
  readonly number: number;
  readonly reward: number;
  readonly decisions: readonly number[];
  readonly architecture: Architecture;
  /** Canonical key: equal for two trials if and only if their architectures are the same network. */
  readonly key: string;
  /** The details that were reported with the reward. */
  readonly details: unknown;
}

/** The stored name in place of a preset. */
const preset = 'own evaluator';
const eventsPerSnapshot = 40;

/**
 * Creates a study, or opens an existing one to resume it. One process at a time can write a study; `nasnet show` and
 * `nasnet report` can read it at the same time.
 * @param path path of the SQLite file; missing folders are created
 * @throws InputError if the options differ from those of an existing study, if another process writes it, or if the
 * file is not a study; Failure if the disk is full or the strategy's decisions differ from the recorded ones
 */
export function openStudy(path: string, options: StudyOptions = {}): AskTellStudy {
  return new AskTellStudy(path, options);
}

export class AskTellStudy implements Disposable {
  readonly #study: Study<SearchSettings>;
  readonly #dialogue: Dialogue;
  /** Trials of earlier processes without an outcome that this process has not returned yet. */
  readonly #waiting: AskedTraining[];
  /** The first rewarded trial of each network; read from the study at its first use. */
  #known: KnownRewards | undefined;
  #countedUntil = performance.now();
  #closed = false;

  /** Use `openStudy`. */
  constructor(path: string, options: StudyOptions) {
    const { strategy = random(), seed = 1 } = options;
    const settings = settingsFor(options, strategy, seed);
    this.#study = existsSync(path) ? reopened(path, options, settings) : Study.create(path, settings);
    try {
      this.#study.recordOnce('order', { inOrder: false, lookahead: 1 }, orderSchema);
      const { space, blocks } = this.#study.settings;
      const created = strategy.create({
        sizes: decisionSizes(blocks, space),
        space,
        seed: this.#study.settings.seed,
        options: strategy.options,
      });
      if (created.name !== strategy.name)
        throw new InputError(`strategy: expected its own name "${strategy.name}", got "${created.name}"`);
      this.#dialogue = new Dialogue(this.#study, created, {
        space,
        trials: this.#study.asked, // each ask increases it by one
        inOrder: false,
        lookahead: Number.POSITIVE_INFINITY,
        laterPerRung: 1,
        eventsPerSnapshot,
      });
      this.#dialogue.advance(); // outcomes on disk that are not reported yet
      this.#waiting = this.#queueAgain();
    } catch (error) {
      this.#study.close();
      throw error;
    }
  }

  /** Puts the running trials of a killed process back; returns all trials without an outcome, these first. */
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

  /** The settings of the study. */
  get settings(): Readonly<SearchSettings> {
    return this.#study.settings;
  }

  /** Number of trials that were asked for, including those of earlier processes. */
  get asked(): number {
    return this.#study.asked;
  }

  /**
   * Returns the next trial to evaluate: one of an earlier process without an outcome, else a new one of the strategy.
   * It may be called before earlier trials have an outcome, to evaluate several trials at once.
   * @throws Failure if the disk is full
   */
  ask(): Trial {
    const { number, candidate } = this.#waiting.shift() ?? this.#askStrategy();
    const { log } = this.#study;
    log.start(number);
    return new Trial(number, candidate, {
      report: (epoch) => log.epoch(number, epoch),
      done: (reward, seconds, details) => {
        log.finish(number, { reward, seconds, details });
        this.#reportOutcome({ number, rung: 0, outcome: { reward } });
        this.#known?.add(candidate, { number, reward });
      },
      failed: (failure, seconds) => {
        log.fail(number, failure, seconds);
        this.#reportOutcome({ number, rung: 0, outcome: { failed: failure.kind } });
      },
      earlier: () => this.#earlier(candidate),
    });
  }

  #askStrategy(): AskedTraining {
    this.#dialogue.aimAt(this.#study.asked + 1);
    const [asked] = this.#dialogue.advance().asked;
    return asked!;
  }

  #reportOutcome(finished: Parameters<Dialogue['finished']>[0]): void {
    this.#dialogue.finished(finished);
    this.#study.transaction(() => {
      this.#dialogue.advance();
      this.#countTime();
    });
  }

  /**
   * Yields trials one by one until the study has `until` of them, including those of earlier processes. Each needs an
   * outcome before the next one.
   * @param until default: the `trials` of the study's settings
   */
  *trials(until = this.#study.settings.trials): Generator<Trial, void, undefined> {
    while (this.#waiting.length > 0 || this.#study.asked < until) {
      const trial = this.ask();
      yield trial;
      if (!trial.isFinished) throw new Error(`trial ${trial.number}: expected tell() or fail() before the next trial`);
    }
  }

  /** Returns the `count` trials with the highest rewards, best first; of equal ones the earlier first. */
  best(count = 1): RewardedTrial[] {
    const { space } = this.#study.settings;
    return this.#study.best(count).map((trial) => rewardedTrial(trial, space));
  }

  #earlier(candidate: Candidate): RewardedTrial | undefined {
    this.#known ??= new KnownRewards(this.#study.evaluated());
    const known = this.#known.get(candidate);
    return known && rewardedTrial(this.#study.trial(known.number)!, candidate.space);
  }

  /** Returns all trials by number: states, decisions, rewards, failures, times. */
  records(): TrialRecord[] {
    return this.#study.trials();
  }

  /** Returns counts, best and mean reward, and time. */
  summary(): StudySummary {
    return this.#study.summary();
  }

  #countTime(): void {
    const now = performance.now();
    this.#study.addSearchTime(now - this.#countedUntil);
    this.#countedUntil = now;
  }

  /**
   * Saves the strategy's state and closes the file. Trials without an outcome are returned again by the next process.
   */
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

  /** @internal Closes the file without saving the strategy's state, as a kill does. */
  abandon(): void {
    this.#closed = true;
    this.#study.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

interface TrialCallbacks {
  report(epoch: EpochReport): void;
  done(reward: number, seconds: number, details: unknown): void;
  failed(failure: TrialFailure, seconds: number): void;
  earlier(): RewardedTrial | undefined;
}

/** An architecture to evaluate. */
export class Trial {
  /** 0, 1, 2 … in the order of the asks. */
  readonly number: number;
  readonly #candidate: Candidate;
  readonly #callbacks: TrialCallbacks;
  readonly #startedAt = performance.now();
  #isFinished = false;

  /** Use `AskTellStudy.ask`. */
  constructor(number: number, candidate: Candidate, callbacks: TrialCallbacks) {
    this.number = number;
    this.#candidate = candidate;
    this.#callbacks = callbacks;
  }

  /** The 10B decisions of the strategy (space/decisions.ts). */
  get decisions(): readonly number[] {
    return this.#candidate.decisions;
  }

  get architecture(): Architecture {
    return this.#candidate.architecture;
  }

  /** Canonical key: equal for two trials if and only if their architectures are the same network. */
  get key(): string {
    return this.#candidate.key;
  }

  /** Whether it has an outcome. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** An earlier trial of the same network with a reward, which may be reported for this trial without an evaluation. */
  get earlier(): RewardedTrial | undefined {
    return this.#callbacks.earlier();
  }

  /** Records the figures of an epoch for charts: `report({ epoch: 1, loss: 0.9, accuracy: 0.6 })`. */
  report(epoch: EpochReport): void {
    this.#callbacks.report(epoch);
  }

  /**
   * Reports the reward of the architecture.
   * @param result.reward any number that is finite in float32, higher is better; reports show rewards from 0 to 1 as
   * percentages
   * @param result.details JSON that is stored with the reward
   * @param result.seconds duration of the evaluation; default: the time since `ask`
   * @throws InputError for a reward out of that range (the trial stays open); Error if the trial has an outcome
   * already
   */
  tell({ reward, details, seconds }: { reward: number; details?: unknown; seconds?: number }): void {
    if (typeof reward !== 'number' || !isFiniteReward(reward))
      throw new InputError(`trial ${this.number}: expected a reward that is finite in float32, got ${reward}`, {
        code: 'reward-not-finite',
        fields: { trial: this.number, got: reward },
      });
    this.#end();
    this.#callbacks.done(reward, seconds ?? this.#elapsed, details);
  }

  /**
   * Reports that the evaluation failed.
   * @param reason an error, or a kind of failure and one sentence
   */
  fail(reason: Error | { kind: string; message: string }): void {
    this.#end();
    const kind = reason instanceof Error ? kindOf(reason) : reason.kind;
    this.#callbacks.failed({ kind, message: reason.message }, this.#elapsed);
  }

  get #elapsed(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  #end(): void {
    if (this.#isFinished) throw new Error(`trial ${this.number} has its outcome already`);
    this.#isFinished = true;
  }
}

/** Returns the kind of an error; nasnet's training errors have one: 'not-a-number', 'out-of-memory'. */
const kindOf = (error: Error): string => {
  const { kind } = error as { kind?: unknown };
  return typeof kind === 'string' ? kind : 'error';
};

function rewardedTrial({ number, reward, decisions, details }: TrialRecord, space: Space): RewardedTrial {
  const { architecture, key } = new Candidate(decisions, space);
  return { number, reward: reward!, decisions, architecture, key, details };
}

/**
 * Returns settings like those of any study, so that every reader of studies can read this one. No child is trained
 * here.
 */
function settingsFor(options: StudyOptions, strategy: StrategyChoice, seed: number): SearchSettings {
  const { space = defaultSpace, trials = 100, subject = 'a custom evaluator' } = options;
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
      throw new InputError(`${path}: expected a study with a custom evaluator, got one of nasnet search`);
    const text = (value: unknown) => JSON.stringify(value);
    const compared: (keyof SearchSettings & keyof StudyOptions)[] = ['seed', 'space', 'blocks'];
    for (const name of compared)
      if (options[name] !== undefined && text(settings[name]) !== text(options[name]))
        throw new InputError(
          `${path}: expected ${name} ${text(settings[name])}, as in the study, got ${text(options[name])}`,
        );
    for (const name of ['strategy', 'strategyOptions'] as const)
      if (text(settings[name]) !== text(wanted[name]))
        throw new InputError(
          `${path}: expected ${name} ${text(settings[name])}, as in the study, got ${text(wanted[name])}`,
        );
    return study;
  } catch (error) {
    study.close();
    throw error;
  }
}
