// The meeting of the replicas at the first one: who joins, who fails, who is silent. It knows no tensor.

import { createServer, type Server, type Socket } from 'node:net';
import { duration } from '../words.ts';
import { type Card, type GroupPlan, type Message, type Patience, receive, Silence, send } from './meeting-messages.ts';
import { differenceOf } from './training-difference.ts';

export interface LeadEvents {
  listening(port: number): void;
  /** Called whenever a replica joins, with the ranks that are missing. */
  waiting(missing: number[]): void;
  /** All have joined. `hosts` are their addresses. */
  joined(cards: Card[], hosts: string[]): void;
  /** The training ends for all, with the reason. */
  ended(sentence: string): void;
}

interface Member {
  card: Card;
  socket: Socket;
  silence: Silence;
  left: boolean;
}

/** A connection that does not join within this time is closed. */
const millisecondsForCard = 10_000;
/** Time in which the end of a process of this machine explains the end of its connection. */
const millisecondsForCause = 500;

export class Lead {
  readonly #card: Card;
  readonly #events: LeadEvents;
  readonly #patience: Patience;
  readonly #server: Server;
  readonly #members = new Map<number, Member>();
  readonly #timers: NodeJS.Timeout[] = [];
  #over = false;

  /** @param host an address of this machine; a name listens at all its addresses */
  constructor(card: Card, { host, port }: { host: string; port: number }, patience: Patience, events: LeadEvents) {
    this.#card = card;
    this.#patience = patience;
    this.#events = events;
    this.#server = createServer((socket) => this.#meet(socket));
    this.#server.on('error', (error: NodeJS.ErrnoException) => this.#end(listenSentence(error, host, port)));
    const start = () => events.listening((this.#server.address() as { port: number }).port);
    if (/^[\d.]+$|:/.test(host)) this.#server.listen(port, host, start);
    else this.#server.listen(port, start);
    this.#timers.push(setTimeout(() => this.#endWaiting(), patience.join));
    this.#timers.push(setInterval(() => this.#toAll({ kind: 'alive' }), patience.silence / 6));
  }

  get #missing(): number[] {
    return Array.from({ length: this.#card.count }, (_, rank) => rank).filter(
      (rank) => rank > 0 && !this.#members.has(rank),
    );
  }

  /** Sends the plan of the group to all. */
  begin(plan: GroupPlan): void {
    this.#toAll({ kind: 'begin', plan });
  }

  /** Ends the training for all others. */
  fail(sentence: string): void {
    this.#toAll({ kind: 'ended', sentence: failedSentence(0, this.#card.count, sentence) });
    this.close();
  }

  /** Ends the training for all, as a replica is lost. */
  lose(rank: number, how: string): void {
    if (!this.#members.get(rank)?.left) this.#end(lostSentence(rank, this.#card.count, how));
  }

  /** The training is done. */
  leave(): void {
    this.#toAll({ kind: 'leave' });
    this.close();
  }

  close(): void {
    this.#over = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const { silence, socket } of this.#members.values()) {
      silence.stop();
      socket.end();
    }
    this.#server.close();
  }

  #meet(socket: Socket): void {
    let rank: number | undefined;
    const late = setTimeout(() => socket.destroy(), millisecondsForCard);
    socket.setNoDelay(true);
    socket.on('error', () => {}); // followed by 'close'
    socket.on('close', () => {
      clearTimeout(late);
      const lost = rank;
      if (lost !== undefined) setTimeout(() => this.lose(lost, 'ended'), millisecondsForCause);
    });
    receive(
      socket,
      (got) => {
        if (rank !== undefined) this.#hear(rank, got);
        else if (got.kind === 'join') {
          clearTimeout(late);
          const problem = this.#over ? 'the training has ended' : this.#refusal(got.card);
          if (problem === undefined) rank = this.#add(got.card, socket);
          else socket.end(`${JSON.stringify({ kind: 'refused', sentence: problem } satisfies Message)}\n`);
        }
      },
      () => socket.destroy(),
    );
  }

  #refusal({ rank, count, version, training }: Card): string | undefined {
    const own = this.#card;
    if (version !== own.version) return `expected nasnet ${own.version} as at replica 0, got ${version}`;
    if (count !== own.count) return `replicas: expected ${own.count} as at replica 0, got ${count}`;
    if (rank === 0 || this.#members.has(rank)) return `rank: expected another one, since replica ${rank} has joined`;
    const difference = differenceOf(own.training, training);
    return difference && `expected the training of replica 0, got ${difference}`;
  }

  #add(card: Card, socket: Socket): number {
    const silence = new Silence(this.#patience.silence, () =>
      this.lose(card.rank, `has been silent for ${duration(this.#patience.silence / 1000)}`),
    );
    this.#members.set(card.rank, { card, socket, silence, left: false });
    const missing = this.#missing;
    this.#events.waiting(missing);
    if (missing.length === 0) {
      clearTimeout(this.#timers[0]);
      this.#events.joined(this.#cards(), this.#hosts());
    }
    return card.rank;
  }

  #cards(): Card[] {
    const others = [...this.#members.values()].map((member) => member.card);
    return [this.#card, ...others.sort((one, other) => one.rank - other.rank)];
  }

  /** The addresses by which the replicas reach each other: of those on this machine not the one that others lack. */
  #hosts(): string[] {
    const sockets = [...this.#members.values()].map(({ socket }) => socket);
    const outside = sockets.find(({ remoteAddress = '' }) => !isLoopback(remoteAddress));
    const own = plain((outside ?? sockets[0])?.localAddress ?? '127.0.0.1');
    return this.#cards().map(({ rank }) => {
      const address = this.#members.get(rank)?.socket.remoteAddress;
      return address === undefined || (outside && isLoopback(address)) ? own : plain(address);
    });
  }

  #hear(rank: number, got: Message): void {
    const member = this.#members.get(rank)!;
    member.silence.heard();
    if (got.kind === 'leave') {
      member.left = true;
      member.silence.stop();
    } else if (got.kind === 'failed') this.#end(failedSentence(rank, this.#card.count, got.sentence));
  }

  #endWaiting(): void {
    const missing = this.#missing;
    if (missing.length === 0) return;
    const names = missing.length === 1 ? `replica ${missing[0]}` : `replicas ${missing.join(', ')}`;
    this.#end(`${names} of ${this.#card.count} did not join within ${duration(this.#patience.join / 1000)}`);
  }

  #end(sentence: string): void {
    if (this.#over) return;
    this.#toAll({ kind: 'ended', sentence });
    this.close();
    this.#events.ended(sentence);
  }

  #toAll(what: Message): void {
    for (const { socket, left } of this.#members.values()) if (!left) send(socket, what);
  }
}

export const lostSentence = (rank: number, count: number, how: string): string => `replica ${rank} of ${count} ${how}`;

const failedSentence = (rank: number, count: number, sentence: string): string =>
  `replica ${rank} of ${count} failed: ${sentence}`;

function listenSentence({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  const place = `${host}:${port}`;
  if (code === 'EADDRINUSE') return `rendezvous: expected a free port, got ${place}, where another program listens`;
  if (code === 'EADDRNOTAVAIL')
    return `rendezvous: expected an address of this machine, since replica 0 listens there, got ${place}`;
  return `rendezvous: ${place} cannot be listened at: ${message}`;
}

const plain = (address: string): string => address.replace(/^::ffff:/, '');
const isLoopback = (address: string): boolean => /^127\.|^::1$/.test(plain(address));
