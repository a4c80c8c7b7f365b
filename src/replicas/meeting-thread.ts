// The thread in which a replica meets the others, so that it hears of their end, and they of its own, while the main
// thread computes.

import { parentPort, workerData } from 'node:worker_threads';
import { addon, useAddon } from '../engine/addon.ts';
import { Follower } from './follower.ts';
import { Lead } from './lead.ts';
import { LocalProcesses, type LocalReplicas } from './local-replicas.ts';
import type { Card, GroupPlan, Patience } from './meeting-messages.ts';
import { Verdict } from './verdict.ts';

export interface MeetingSetup {
  card: Card;
  place: { host: string; port: number };
  patience: Patience;
  locals: LocalReplicas;
  /** Ends the sentences about a training that has begun. */
  advice: string | undefined;
  verdict: SharedArrayBuffer;
  /** The file of the addon. */
  addonFile: string;
}

export type ToMeeting = { kind: 'begin'; plan: GroupPlan } | { kind: 'failed'; sentence: string } | { kind: 'leave' };

export type FromMeeting =
  /** Who has not joined yet; undefined: the first replica does not answer yet. */
  | { kind: 'waiting'; missing: number[] | undefined }
  | { kind: 'joined'; cards: Card[]; hosts: string[] }
  | { kind: 'begin'; plan: GroupPlan }
  | { kind: 'refused'; sentence: string }
  | { kind: 'ended'; sentence: string };

/** Time of the main thread to end by itself. */
const grace = 10_000; // ms

const { card, place, patience, locals, advice, verdict: memory, addonFile } = workerData as MeetingSetup;
useAddon(addonFile);
const verdict = new Verdict(memory);
const processes = new LocalProcesses();
const tell = (what: FromMeeting) => parentPort!.postMessage(what);
let [hasBegun, isOver] = [false, false];

const meeting =
  card.rank === 0
    ? new Lead(card, place, patience, {
        listening: (port) => startLocals(port),
        waiting: (missing) => tell({ kind: 'waiting', missing }),
        joined: (cards, hosts) => tell({ kind: 'joined', cards, hosts }),
        ended: endAll,
      })
    : new Follower(card, place, patience, {
        waiting: (reached) => tell({ kind: 'waiting', missing: reached ? [] : undefined }),
        begin,
        refused: (sentence) => tell({ kind: 'refused', sentence }),
        ended: endAll,
      });
if (card.rank > 0) startLocals(place.port);

parentPort!.on('message', (message: ToMeeting) => {
  if (message.kind === 'begin') {
    (meeting as Lead).begin(message.plan);
    begin(message.plan);
    return;
  }
  isOver = true;
  if (message.kind === 'leave') {
    meeting.leave();
    processes.release();
  } else {
    meeting.fail(message.sentence);
    processes.kill();
  }
  parentPort!.close();
});

function startLocals(port: number): void {
  processes.start(locals, `${place.host}:${port}`, (rank, how) => {
    if (!isOver && meeting instanceof Lead) meeting.lose(rank, how);
  });
}

function begin(plan: GroupPlan): void {
  hasBegun = true;
  tell({ kind: 'begin', plan });
}

function endAll(reason: string): void {
  const isAdvised = advice !== undefined && reason.includes(advice); // the reason is another replica's last words
  const sentence = hasBegun && advice && !isAdvised ? `${reason}; ${advice}` : reason;
  verdict.set(sentence);
  processes.kill();
  tell({ kind: 'ended', sentence });
  setTimeout(() => addon().endProcess(1, `nasnet: ${sentence}\n`), grace).unref();
}
