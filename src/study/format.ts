// The study as an SQLite file: its tables. This is the one place that states them; migrations are only ever added.
// A trial's decisions are numbers of space/'s tables, so the order of those tables belongs to this format too.

import type { FileFormat } from '../database/header.ts';

const version1 = `
  -- What was decided before the search began and never changes: settings, order of the search.
  CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL                    -- JSON
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE trials (
    number INTEGER PRIMARY KEY,            -- 0, 1, 2 … in the order of the asks
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    told INTEGER NOT NULL DEFAULT 0,       -- 1: the strategy knows the outcome
    decisions TEXT NOT NULL,               -- JSON, 2 × 5B numbers
    attempts INTEGER NOT NULL DEFAULT 0,   -- how often it was begun
    asked_at INTEGER NOT NULL,             -- milliseconds since 1970, as all times here
    started_at INTEGER,
    finished_at INTEGER,
    finished_as INTEGER,                   -- the sequence number of its done or fail event
    worker_seconds REAL,
    reward REAL,
    failure_kind TEXT,
    failure_message TEXT,
    details TEXT                           -- JSON that the evaluator gave beside the reward
  ) STRICT;
  CREATE INDEX trials_by_state ON trials (state, failure_kind, reward, worker_seconds, attempts);
  CREATE INDEX trials_to_tell ON trials (state, finished_as) WHERE told = 0;

  -- The append-only log. Its asks and tells, in this order, are all that a strategy's state depends on.
  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,                    -- ask, start, done, fail, tell, retry, requeue, update, session
    trial INTEGER,
    detail TEXT
  ) STRICT;
  CREATE TRIGGER events_never_change BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
  CREATE TRIGGER events_never_leave BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

  CREATE TABLE epochs (
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL,                -- 1, 2 …
    at INTEGER NOT NULL,
    loss REAL,
    accuracy REAL,                         -- 0 to 1, on the held-out images
    images_per_second REAL,
    details TEXT,                          -- JSON
    PRIMARY KEY (trial, attempt, epoch)
  ) STRICT, WITHOUT ROWID;

  -- The strategy after the event with this sequence number.
  CREATE TABLE snapshots (
    sequence INTEGER PRIMARY KEY,
    strategy TEXT NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;

  -- What came out: the final model, its accuracy.
  CREATE TABLE results (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    value TEXT NOT NULL                    -- JSON
  ) STRICT, WITHOUT ROWID;

  -- The processes that wrote here. One that was killed has no closed_at.
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    process INTEGER NOT NULL,
    host TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    searched_milliseconds INTEGER NOT NULL DEFAULT 0
  ) STRICT;
`;

const version2 = `
  ALTER TABLE trials ADD COLUMN same_as INTEGER; -- the trial whose reward this one took: its architecture is the same graph
  CREATE INDEX trials_repeated ON trials (same_as) WHERE same_as IS NOT NULL;
`;

const version3 = `
  -- Trainings of finalists: the best trials again, at a higher fidelity, run r of each with the same seed.
  CREATE TABLE finalist_runs (
    trial INTEGER NOT NULL,
    run INTEGER NOT NULL,                  -- 1, 2 …
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,   -- how often it was begun
    started_at INTEGER,
    finished_at INTEGER,
    worker_seconds REAL,
    accuracy REAL,                         -- 0 to 1, on the held-out images
    failure_kind TEXT,
    failure_message TEXT,
    details TEXT,                          -- JSON that the evaluator gave beside the accuracy
    PRIMARY KEY (trial, run)
  ) STRICT, WITHOUT ROWID;
`;

const version4 = `
  -- A ladder of fidelities. A trial's own training is rung 0; these are the trainings of those that were promoted.
  CREATE TABLE rungs (
    trial INTEGER NOT NULL,
    rung INTEGER NOT NULL,                 -- 1, 2 …
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    told INTEGER NOT NULL DEFAULT 0,       -- 1: the ladder knows the outcome
    wanted_as INTEGER NOT NULL,            -- the sequence number of its first promote event
    asked INTEGER NOT NULL,                -- how many trials had been asked for then
    attempts INTEGER NOT NULL DEFAULT 0,   -- how often it was begun
    started_at INTEGER,
    finished_at INTEGER,
    finished_as INTEGER,                   -- the sequence number of its rung-done or rung-fail event
    worker_seconds REAL,
    reward REAL,                           -- accuracy on the held-out images at this rung
    failure_kind TEXT,
    failure_message TEXT,
    details TEXT,                          -- JSON that the evaluator gave beside the reward
    PRIMARY KEY (trial, rung)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX rungs_to_tell ON rungs (wanted_as) WHERE told = 0;

  -- Who was promoted by which ladder: each arm of a search has its own, and two may promote the same trial.
  CREATE TABLE promotions (
    ladder INTEGER NOT NULL,
    trial INTEGER NOT NULL,
    rung INTEGER NOT NULL,                 -- to this one
    drawn INTEGER NOT NULL,                -- 1: by lot, not for being among the best
    PRIMARY KEY (ladder, trial, rung)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE rung_epochs (
    trial INTEGER NOT NULL,
    rung INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL,                -- 1, 2 … of this rung's training
    at INTEGER NOT NULL,
    loss REAL,
    accuracy REAL,                         -- 0 to 1, on the held-out images
    images_per_second REAL,
    details TEXT,                          -- JSON
    PRIMARY KEY (trial, rung, attempt, epoch)
  ) STRICT, WITHOUT ROWID;
`;

const version5 = `
  -- A change of state now touches one index at most, and that of the finished trials grows at its end: an index in the order of rewards
  -- wrote a page somewhere in its middle for every trial, so that trials cost the more the more there were.
  DROP INDEX trials_by_state;
  DROP INDEX trials_to_tell;
  CREATE INDEX trials_finished ON trials (finished_as, failure_kind, same_as, reward, worker_seconds, attempts)
    WHERE finished_as IS NOT NULL;
  CREATE INDEX trials_to_tell ON trials (told) WHERE told = 0;
`;

/** Tables that are read as a whole, or nearly so. */
const whole = [
  'settings',
  'trials',
  'events',
  'snapshots',
  'results',
  'sessions',
  'finalist_runs',
  'rungs',
  'promotions',
];
/** Learning curves are read one at a time: those of a trial, and of a trial at a rung. */
const byGroup = { epochs: 1, rung_epochs: 2 };

const version6 = `
  -- A row's checksum is over all its other values; what it is and who keeps it up to date is database/row-checksums.ts's.
  ${[...whole, ...Object.keys(byGroup)].map((table) => `ALTER TABLE ${table} ADD COLUMN checksum INTEGER;`).join('\n  ')}
  CREATE TABLE checksums (
    name TEXT PRIMARY KEY,                 -- of a table, or of a group: epochs/TRIAL, rung_epochs/TRIAL/RUNG
    total INTEGER NOT NULL                 -- of its rows' checksums
  ) STRICT, WITHOUT ROWID;
  -- Written once: a page that no log holds, so that the log of another file is not taken for this one's.
  CREATE TABLE marks (
    name TEXT PRIMARY KEY,                 -- file: a number that no other file has; schema: a checksum of what stands here;
                                           -- groups: there are sums of groups
    value INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  DROP TRIGGER events_never_change;
  CREATE TRIGGER events_never_change BEFORE UPDATE OF sequence, at, kind, trial, detail ON events
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
`;

export const studyFormat: FileFormat = {
  noun: 'study',
  applicationId: 0x4e41534e, // "NASN"
  migrations: [version1, version2, version3, version4, version5, version6],
  checked: { since: 6, whole, byGroup },
};
