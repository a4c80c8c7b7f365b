// The server's answers over HTTP, and its stream of events. The pages of one browser share one stream, since a browser
// opens only six connections to a server.

import type { Answer, Question } from '../answers.ts';
import { questionKey } from '../question-key.ts';
import type { StreamMessage } from '../server/change-stream.ts';
import type { OfferedStudy, Parameters, Source } from './source.ts';

/** The server does not know this page. */
export class NoToken extends Error {}

/** Exchanges the token in the address for a cookie, and takes it out of the address. */
export async function openSession(): Promise<void> {
  const [, token] = /^#t=([0-9a-f]+)/.exec(location.hash) ?? [];
  if (token === undefined) return;
  const { ok } = await fetch('/session', { method: 'POST', headers: { 'x-nasnet-token': token } });
  history.replaceState(null, '', '#/now');
  if (!ok) throw new NoToken();
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path);
  if (response.ok) return response;
  if (response.status === 401) throw new NoToken();
  const { error } = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(error ?? `the server answered ${response.status}`);
}

export async function liveSource(): Promise<Source> {
  await openSession();
  const { control, studies } = (await (await get('/studies')).json()) as { control: boolean; studies: OfferedStudy[] };
  const bytesOf = ['trials'];
  return {
    kind: 'live',
    studies,
    control,
    async ask<Name extends Question>(study: number, question: Name, parameters?: Parameters) {
      const response = await get(`/ask/${questionKey(study, question, parameters)}`);
      const answer = bytesOf.includes(question) ? new Uint8Array(await response.arrayBuffer()) : await response.json();
      return answer as Answer<Name>;
    },
    follow(after, onMessage, onLink) {
      void shareStream(after, onMessage, onLink);
    },
    async request(study, request) {
      const headers = { 'content-type': 'application/json', 'x-nasnet-token': 'page' };
      const response = await fetch('/control', {
        method: 'POST',
        headers,
        body: JSON.stringify({ study, ...request }),
      });
      if (response.ok) return;
      const { error } = (await response.json()) as { error: string };
      throw new Error(error);
    },
  };
}

type Shared = { message: StreamMessage } | { link: boolean };

/** One page of the browser has the stream and passes it on; when it is closed, another one takes over. */
async function shareStream(
  after: () => readonly number[],
  onMessage: (message: StreamMessage) => void,
  onLink: (up: boolean) => void,
): Promise<void> {
  if (!navigator.locks) return void openStream(after, onMessage, onLink); // another machine's plain HTTP
  const channel = new BroadcastChannel('nasnet');
  channel.onmessage = ({ data }: MessageEvent<Shared>) => {
    if ('message' in data) onMessage(data.message);
    else onLink(data.link);
  };
  onLink(true);
  await navigator.locks.request('nasnet-stream', () => {
    openStream(
      after,
      (message) => {
        onMessage(message);
        channel.postMessage({ message } satisfies Shared);
      },
      (link) => {
        onLink(link);
        channel.postMessage({ link } satisfies Shared);
      },
    );
    return new Promise(() => {}); // until this page is closed
  });
}

const millisecondsToRetry = 2000;

function openStream(
  after: () => readonly number[],
  onMessage: (message: StreamMessage) => void,
  onLink: (up: boolean) => void,
) {
  const stream = new EventSource(`/events?after=${after().join()}`);
  stream.onopen = () => onLink(true);
  stream.onmessage = ({ data }) => onMessage(JSON.parse(data) as StreamMessage);
  stream.onerror = () => {
    onLink(false);
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    setTimeout(() => openStream(after, onMessage, onLink), millisecondsToRetry);
  };
}
