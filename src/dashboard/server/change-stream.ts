// Server-sent events: sends every page what was recorded after the last event that it knows. One reading of the file
// serves all pages; a page that lost its connection names the last event that it received.

import type { ServerResponse } from 'node:http';
import { type Changes, changes, type RunningEpochs, studyAnswer } from '../answers.ts';
import type { StudyFile } from './study-file.ts';

const millisecondsBetweenLooks = 100;
const millisecondsBetweenSigns = 15_000; // of life, so that proxies keep the connection
const mostWaiting = 16_000_000; // bytes that a page may leave unread before it is cut off, to come back later

interface Followed {
  file: StudyFile;
  commits: string;
  /** The last event that every page was told. */
  sequence: number;
  /** The part that no event carries: results and sessions. */
  about: string;
  /** The keys of the epochs that were sent. */
  epochs: Set<string>;
  trouble: string | undefined;
}

export interface StreamMessage {
  study: number;
  /** A study that can no longer be read, in one sentence. */
  trouble?: string;
  searched?: boolean | undefined;
  changes?: Changes;
}

export class Stream {
  readonly #followed: Followed[];
  readonly #pages = new Set<ServerResponse>();
  #looks: NodeJS.Timeout | undefined;
  #signs: NodeJS.Timeout | undefined;

  constructor(files: readonly StudyFile[]) {
    this.#followed = files.map((file) => ({
      file,
      commits: '',
      sequence: 0,
      about: '',
      epochs: new Set(),
      trouble: undefined,
    }));
  }

  get pages(): number {
    return this.#pages.size;
  }

  /** Adds a page that knows each study up to an event. */
  add(page: ServerResponse, after: readonly number[]): void {
    page.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    page.write('retry: 1000\n\n');
    if (this.#pages.size === 0) this.#begin();
    this.#followed.forEach((followed, study) => {
      try {
        const known = after[study] ?? 0;
        if (known < followed.sequence) this.#tell([page], { study, changes: changes(followed.file, known) });
        this.#tell([page], { study, searched: followed.file.isSearched });
      } catch (error) {
        this.#tell([page], { study, trouble: (error as Error).message });
      }
    });
    this.#pages.add(page);
    page.on('close', () => {
      this.#pages.delete(page);
      if (this.#pages.size === 0) this.#pause();
    });
  }

  close(): void {
    this.#pause();
    for (const page of this.#pages) page.end();
  }

  #begin(): void {
    for (const followed of this.#followed) this.#catchUp(followed);
    this.#looks = setInterval(() => this.#look(), millisecondsBetweenLooks);
    this.#signs = setInterval(() => {
      for (const page of this.#pages) page.write(': here\n\n');
      this.#followed.forEach(({ file, trouble }, study) => {
        if (trouble === undefined) this.#tell(this.#pages, { study, searched: file.isSearched });
      });
    }, millisecondsBetweenSigns);
  }

  #pause(): void {
    clearInterval(this.#looks);
    clearInterval(this.#signs);
  }

  /** The first page after a pause knows more than the last look; nobody is told. */
  #catchUp(followed: Followed): void {
    try {
      const { file } = followed;
      followed.commits = file.commits;
      const now = changes(file, Number.MAX_SAFE_INTEGER);
      followed.sequence = now.sequence;
      followed.epochs = new Set(now.running.map(keyOf));
      followed.about = JSON.stringify(aboutOf(file));
    } catch (error) {
      followed.trouble = (error as Error).message;
    }
  }

  #look(): void {
    this.#followed.forEach((followed, study) => {
      const before = followed.trouble;
      try {
        followed.trouble = undefined;
        const { commits } = followed.file;
        if (commits === followed.commits && before === undefined) return;
        followed.commits = commits;
        this.#tell(this.#pages, { study, changes: this.#newsOf(followed) });
      } catch (error) {
        followed.trouble = (error as Error).message;
        if (followed.trouble !== before) this.#tell(this.#pages, { study, trouble: followed.trouble });
      }
    });
  }

  #newsOf(followed: Followed): Changes {
    const news = changes(followed.file, followed.sequence);
    const about = aboutOf(followed.file);
    const text = JSON.stringify(about);
    if (text !== followed.about) news.study = about;
    followed.about = text;
    const fresh = news.running.filter((epoch) => !followed.epochs.has(keyOf(epoch)));
    followed.epochs = new Set(news.running.map(keyOf));
    followed.sequence = news.sequence;
    return { ...news, running: fresh };
  }

  #tell(pages: Iterable<ServerResponse>, message: StreamMessage): void {
    const id = this.#followed.map(({ sequence }) => sequence).join();
    const text = `id: ${id}\ndata: ${JSON.stringify(message)}\n\n`;
    for (const page of pages) {
      page.write(text);
      if (page.writableLength > mostWaiting) page.destroy();
    }
  }
}

/** Returns the study without what changes with every trial: its sequence and its search time. */
function aboutOf(file: StudyFile) {
  const answer = studyAnswer(file);
  return {
    ...answer,
    sequence: 0,
    asked: 0,
    sessions: answer.sessions.map((session) => ({ ...session, searched: 0 })),
  };
}

const keyOf = ({ trial, rung, attempt, epoch, at }: RunningEpochs) => `${trial} ${rung} ${attempt} ${epoch} ${at}`;
