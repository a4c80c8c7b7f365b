// Where the page's answers come from: the server beside a search, a file that was dropped on the viewer, or a report.

import type { Answer, Question } from '../answers.ts';
import type { StreamMessage } from '../server/change-stream.ts';

export interface OfferedStudy {
  name: string;
  path: string;
  /** Whether a search works on it now; undefined where nobody knows. */
  searched?: boolean | undefined;
}

export type Parameters = Record<string, string | number>;

export interface Source {
  /** Where it comes from, for the reader: "live", "viewer" or "report". */
  kind: 'live' | 'viewer' | 'report';
  studies: OfferedStudy[];
  /** Whether the search can be steered. */
  control: boolean;
  ask<Name extends Question>(study: number, question: Name, parameters?: Parameters): Promise<Answer<Name>>;
  /** Tells everything that is recorded after these events, one number a study. */
  follow?(
    after: () => readonly number[],
    onMessage: (message: StreamMessage) => void,
    onLink: (up: boolean) => void,
  ): void;
  /** @throws Error with one sentence */
  request?(study: number, request: object): Promise<void>;
}
