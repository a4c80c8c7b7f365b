// The meeting of the replicas as each but the first one takes part in it.

import { createConnection, type Socket } from 'node:net';
import { duration } from '../words.ts';
import { lostSentence } from './lead.ts';
import { type Card, type GroupPlan, type Message, type Patience, receive, Silence, send } from './meeting-messages.ts';

export interface FollowerEvents {
  /** The first replica has taken this one's card, or is not there yet. */
  waiting(reached: boolean): void;
  begin(plan: GroupPlan): void;
  refused(sentence: string): void;
  ended(sentence: string): void;
}

const millisecondsBetweenTries = 500;

export class Follower {
  readonly #card: Card;
  readonly #place: { host: string; port: number };
  readonly #events: FollowerEvents;
  readonly #patience: Patience;
  readonly #startedAt = performance.now();
  #socket: Socket | undefined;
  #silence: Silence | undefined;
  #alive: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #over = false;

  constructor(card: Card, place: { host: string; port: number }, patience: Patience, events: FollowerEvents) {
    this.#card = card;
    this.#place = place;
    this.#patience = patience;
    this.#events = events;
    this.#connect();
  }

  fail(sentence: string): void {
    if (this.#socket) send(this.#socket, { kind: 'failed', sentence });
    this.close();
  }

  leave(): void {
    if (this.#socket) send(this.#socket, { kind: 'leave' });
    this.close();
  }

  close(): void {
    this.#over = true;
    this.#silence?.stop();
    clearInterval(this.#alive);
    clearTimeout(this.#again);
    this.#socket?.end();
  }

  get #where(): string {
    return `${this.#place.host}:${this.#place.port}`;
  }

  #connect(): void {
    const socket = createConnection(this.#place);
    socket.setNoDelay(true);
    let reached = false;
    socket.on('connect', () => {
      reached = true;
      this.#socket = socket;
      send(socket, { kind: 'join', card: this.#card });
      this.#alive = setInterval(() => send(socket, { kind: 'alive' }), this.#patience.silence / 6);
      this.#silence = new Silence(this.#patience.silence, () =>
        this.#lose(`has been silent for ${duration(this.#patience.silence / 1000)}`),
      );
      this.#events.waiting(true);
    });
    let problem = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      problem = error.code === 'ENOTFOUND' ? `no machine is named ${this.#place.host}` : error.message;
    });
    socket.on('close', () => {
      if (reached) this.#lose('ended');
      else this.#tryAgain(problem);
    });
    receive(
      socket,
      (got) => this.#hear(got),
      () => this.#end(`rendezvous: expected replica 0 of a training at ${this.#where}, got another program`),
    );
  }

  #tryAgain(problem: string): void {
    if (this.#over) return;
    if (performance.now() - this.#startedAt > this.#patience.join) {
      const waited = duration(this.#patience.join / 1000);
      this.#end(`rendezvous: expected replica 0 at ${this.#where}, got no answer for ${waited} (${problem})`);
      return;
    }
    this.#events.waiting(false);
    this.#again = setTimeout(() => this.#connect(), millisecondsBetweenTries);
  }

  #hear(got: Message): void {
    if (this.#over) return;
    this.#silence?.heard();
    if (got.kind === 'begin') this.#events.begin(got.plan);
    else if (got.kind === 'refused') {
      this.close();
      this.#events.refused(got.sentence);
    } else if (got.kind === 'ended') this.#end(got.sentence);
    else if (got.kind === 'leave') this.close();
  }

  #lose(how: string): void {
    this.#end(lostSentence(0, this.#card.count, how));
  }

  #end(sentence: string): void {
    if (this.#over) return;
    this.close();
    this.#socket?.destroy();
    this.#events.ended(sentence);
  }
}
