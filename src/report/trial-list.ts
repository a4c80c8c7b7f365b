// Lists every trial of a study as CSV or JSON, for other tools. Reads trials page by page, so a study of any length
// takes little memory.

import type { Architecture } from '../space/architecture.ts';
import { Candidate } from '../study/candidate.ts';
import type { TrialRecord } from '../study/records.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { type CsvValue, csvLine } from './csv.ts';

/** A trial as `show --trials` prints it. Null: there is no value (yet). */
export interface ListedTrial {
  trial: number;
  state: string;
  /** 0 to 1; in a study with a ladder at rung 0. */
  reward: number | null;
  /** Rewards at rung 0, 1 … up to its highest; null for a rung without a reward. Empty without a ladder. */
  rungRewards: (number | null)[];
  /** The epochs of its latest attempt at rung 0, in order. */
  epochs: { epoch: number; loss: number | null; accuracy: number | null; imagesPerSecond: number | null }[];
  /** The time a worker spent on the attempt that gave the outcome. */
  seconds: number | null;
  attempts: number;
  /** ISO 8601, UTC. */
  askedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  failure: { kind: string; message: string } | null;
  /** The trial whose reward it got because its architecture is the same network. */
  sameAs: number | null;
  /** Equal for architectures that are the same network. */
  key: string;
  decisions: number[];
  architecture: Architecture;
}

const trialsPerPage = 500;

/** Yields all trials in the order of their numbers. */
export function* listTrials(study: Study<SearchSettings>): Generator<ListedTrial> {
  const { space, ladder } = study.settings;
  for (let from = 0; ; from += trialsPerPage) {
    const page = study.trials({ from, limit: trialsPerPage });
    const curves = study.epochsOf(from, page.at(-1)?.number ?? from); // at once: a query a trial took most of the time
    for (const record of page) {
      const { architecture, key } = new Candidate(record.decisions, space);
      yield {
        ...timesOf(record),
        rungRewards: ladder ? [record.reward, ...study.rungs.of(record.number).map(({ reward }) => reward)] : [],
        epochs: (curves.get(record.number) ?? []).map(({ epoch, loss, accuracy, imagesPerSecond }) => {
          return { epoch, loss, accuracy, imagesPerSecond };
        }),
        key,
        decisions: record.decisions,
        architecture,
      };
    }
    if (page.length < trialsPerPage) return;
  }
}

function timesOf({ number, state, reward, workerSeconds, attempts, failure, sameAs, ...times }: TrialRecord) {
  return {
    trial: number,
    state,
    reward,
    seconds: workerSeconds,
    attempts,
    askedAt: new Date(times.askedAt).toISOString(),
    startedAt: isoTime(times.startedAt),
    finishedAt: isoTime(times.finishedAt),
    failure,
    sameAs,
  };
}

const isoTime = (milliseconds: number | null) => (milliseconds === null ? null : new Date(milliseconds).toISOString());

/** Yields a JSON array with one trial per line. */
export function* trialsAsJson(trials: Iterable<ListedTrial>): Generator<string> {
  let before = '[\n';
  for (const trial of trials) {
    yield `${before}${JSON.stringify(trial)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

/** Lists and architectures are JSON in one field. */
const columns: Record<string, (trial: ListedTrial) => CsvValue> = {
  trial: ({ trial }) => trial,
  state: ({ state }) => state,
  reward: ({ reward }) => reward,
  rung_rewards: ({ rungRewards }) => (rungRewards.length === 0 ? null : JSON.stringify(rungRewards)),
  epochs: ({ epochs }) => epochs.length,
  losses: ({ epochs }) => JSON.stringify(epochs.map(({ loss }) => loss)),
  accuracies: ({ epochs }) => JSON.stringify(epochs.map(({ accuracy }) => accuracy)),
  seconds: ({ seconds }) => seconds,
  attempts: ({ attempts }) => attempts,
  asked_at: ({ askedAt }) => askedAt,
  started_at: ({ startedAt }) => startedAt,
  finished_at: ({ finishedAt }) => finishedAt,
  failure_kind: ({ failure }) => failure?.kind ?? null,
  failure_message: ({ failure }) => failure?.message ?? null,
  same_as: ({ sameAs }) => sameAs,
  key: ({ key }) => key,
  decisions: ({ decisions }) => JSON.stringify(decisions),
  architecture: ({ architecture }) => JSON.stringify(architecture),
};

/** Yields CSV (RFC 4180) with a header and a row per trial; missing values are empty. */
export function* trialsAsCsv(trials: Iterable<ListedTrial>): Generator<string> {
  yield row(Object.keys(columns));
  for (const trial of trials) yield row(Object.values(columns).map((column) => column(trial)));
}

const row = (values: readonly CsvValue[]) => `${csvLine(values)}\r\n`;
