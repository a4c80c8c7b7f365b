// The dashboard's server as a browser and as an attacker meet it: over real HTTP.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Changes, SelectionAnswer, StudyAnswer, TrialAnswer } from '../../src/dashboard/answers.ts';
import { decodeColumns } from '../../src/dashboard/column-bytes.ts';
import type { StreamMessage } from '../../src/dashboard/server/change-stream.ts';
import { type Dashboard, serveDashboard } from '../../src/dashboard/server/server.ts';
import { startDashboard } from '../../src/dashboard/server/start-dashboard.ts';
import { InputError } from '../../src/failure.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import type { Study } from '../../src/study/study.ts';
import { addTrial, best, decisionsOf, isFailed, knownStudy, knownTrials, rewardOf } from './known-study.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-dashboard-'));
const path = join(folder, 'known.db');
let dashboard: Dashboard;
let cookie: string;

before(async () => {
  knownStudy(path).close();
  dashboard = await serveDashboard({ studies: [path] });
  cookie = await cookieOf(dashboard);
});
after(async () => {
  await dashboard.close();
  rmSync(folder, { recursive: true });
});

const base = ({ port }: { port: number }) => `http://127.0.0.1:${port}`;
const tokenOf = ({ url }: { url: string }) => url.split('#t=')[1]!;

async function cookieOf(of: Dashboard): Promise<string> {
  const response = await fetch(`${base(of)}/session`, { method: 'POST', headers: { 'x-nasnet-token': tokenOf(of) } });
  assert.equal(response.status, 200);
  return response.headers.get('set-cookie')!.split(';')[0]!;
}

const get = (question: string, of = dashboard, own = cookie) =>
  fetch(`${base(of)}${question}`, { headers: { cookie: own } });
const json = async <Answer>(question: string, of = dashboard, own = cookie) =>
  (await (await get(question, of, own)).json()) as Answer;
const columnsOf = async (group: string, range = '') =>
  decodeColumns(new Uint8Array(await (await get(`/ask/trials?group=${group}${range}`)).arrayBuffer()));

/** A request whose headers fetch would not send. */
function status(headers: Record<string, string>, target = '/ask/study', method = 'GET'): Promise<number> {
  return new Promise((done, fail) => {
    const request = httpRequest(
      { port: dashboard.port, host: '127.0.0.1', path: target, method, headers },
      (response) => {
        response.resume();
        done(response.statusCode!);
      },
    );
    request.on('error', fail);
    request.end();
  });
}

test('nothing of a study is told without the token, nor with another one', async () => {
  for (const target of ['/studies', '/ask/study', '/ask/trials?group=core', '/events', '/control'])
    assert.equal((await fetch(base(dashboard) + target)).status, 401, target);
  const wrong = { 'x-nasnet-token': tokenOf(dashboard).replace(/./g, '0') };
  assert.equal((await fetch(`${base(dashboard)}/session`, { method: 'POST', headers: wrong })).status, 401);
  assert.equal(await status({ cookie: `nasnet-${dashboard.port}=0` }), 401);
  assert.equal((await get('/ask/study')).status, 200);
});

test('a request that names another host, or comes from another page, is refused even with the cookie', async () => {
  const own = `127.0.0.1:${dashboard.port}`;
  assert.equal(await status({ cookie, host: own }), 200);
  assert.equal(await status({ cookie, host: `localhost:${dashboard.port}` }), 200);
  assert.equal(await status({ cookie, host: `evil.example:${dashboard.port}` }), 403);
  assert.equal(await status({ cookie, host: `127.0.0.1.evil.example:${dashboard.port}` }), 403);
  assert.equal(await status({ cookie, host: own, origin: 'http://evil.example' }), 403);
  assert.equal(await status({ cookie, host: own, origin: 'null' }), 403);
  assert.equal(await status({ cookie, host: own, 'sec-fetch-site': 'cross-site' }), 403);
});

test('every answer forbids scripts, frames and requests from elsewhere, and guessing its type', async () => {
  for (const target of ['/', '/page.js', '/nothing', '/ask/study']) {
    const { headers } = await get(target);
    const policy = headers.get('content-security-policy')!;
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.match(policy, /connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'$/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
  }
});

test('the columns hold what the study says of each trial', async () => {
  const { count, columns: core } = await columnsOf('core');
  assert.equal(count, knownTrials);
  const { columns: figures } = await columnsOf('figures');
  const { columns: chosen } = await columnsOf('decisions');
  for (let trial = 0; trial < knownTrials; trial++) {
    assert.equal(core.state![trial], isFailed(trial) ? 3 : 2);
    assert.equal(core.reward![trial], isFailed(trial) ? Number.NaN : Math.fround(rewardOf(trial)));
    assert.equal(figures.parameters![trial], isFailed(trial) ? Number.NaN : 1000 * (trial + 1));
    assert.deepEqual([...chosen.decisions!.subarray(50 * trial, 50 * (trial + 1))], decisionsOf(trial));
  }
});

test('a range of trials is that part of the columns', async () => {
  const whole = await columnsOf('core');
  const part = await columnsOf('core', '&from=10&to=25');
  assert.deepEqual([part.first, part.count], [10, 15]);
  assert.deepEqual(part.columns.reward, whole.columns.reward!.slice(10, 25));
  assert.equal((await columnsOf('core', `&from=${knownTrials + 5}`)).count, 0);
});

test('a trial has its epochs, its rungs and its failure', async () => {
  const top = await json<TrialAnswer>(`/ask/trial?number=${best}`);
  assert.deepEqual(
    top.epochs.map(({ epoch, accuracy }) => [epoch, accuracy]),
    [
      [1, rewardOf(best) / 2],
      [2, rewardOf(best)],
    ],
  );
  assert.deepEqual(
    top.rungs.map(({ rung, reward }) => [rung, reward]),
    [[1, rewardOf(best) + 0.05]],
  );
  const lost = await json<TrialAnswer>('/ask/trial?number=11');
  assert.equal(lost.failure?.kind, 'crash');
  assert.equal(await json('/ask/trial?number=1000'), null);
});

test('the course has updates, policies, parents, predictions and attempts', async () => {
  const { updates, policies, parents, predictions } = await json<Changes>('/ask/course?after=0');
  assert.deepEqual(
    updates.map(({ figures }) => figures.update),
    [1, 2, 3],
  );
  assert.deepEqual(
    policies.map(({ update, arm }) => [update, arm]),
    [
      [1, 0],
      [2, 0],
      [3, 0],
    ],
  );
  const bytes = Buffer.from(policies[0]!.bytes, 'base64');
  assert.deepEqual([...bytes.subarray(0, 2)], [191, 64]); // 3/4 and 1/4 of 255
  assert.deepEqual(parents.slice(0, 2), [
    [3, 1],
    [5, 3],
  ]);
  assert.deepEqual(predictions[0], [0, 2]);
  const attempts = await json<Changes['attempts']>('/ask/attempts?limit=6');
  const run = (number: number) => [
    ['start', number],
    ['done', number],
  ];
  assert.deepEqual(
    attempts.map((event) => [event.kind, event.run]),
    [...run(2), ...run(1), ...run(2)],
  );
});

test('rungs and finalists are told with who was promoted at random', async () => {
  const { rungs, finalists } = await json<SelectionAnswer>('/ask/selection');
  assert.deepEqual(
    rungs.filter(({ atRandom }) => atRandom).map(({ trial }) => trial),
    [5],
  );
  assert.equal(finalists.length, 4);
});

test('a question that is none is refused in one sentence', async () => {
  for (const [target, expected] of [
    ['/ask/nothing', 404],
    ['/ask/constructor', 404],
    ['/ask/trials?group=secrets', 400],
    ['/ask/trial?number=1e9', 400],
    ['/ask/trial?number=-1', 400],
    ['/ask/study?study=7', 400],
    ['/../../etc/passwd', 404],
  ] as const) {
    const response = await get(target);
    assert.equal(response.status, expected, target);
    assert.match(((await response.json()) as { error: string }).error, /^[^\n]{10,200}$/);
  }
});

test('a page that only shows cannot steer', async () => {
  const headers = { cookie, origin: base(dashboard), 'x-nasnet-token': 'page', 'content-type': 'application/json' };
  const response = await fetch(`${base(dashboard)}/control`, { method: 'POST', headers, body: '{"action":"stop"}' });
  assert.equal(response.status, 403);
});

/** Reads messages of the stream until one fits. */
async function* messages(of: Dashboard, own: string, after: number, headers: Record<string, string> = {}) {
  const response = await fetch(`${base(of)}/events?after=${after}`, { headers: { cookie: own, ...headers } });
  let text = '';
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, data] = /^data: (.*)$/m.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (data) yield JSON.parse(data) as StreamMessage;
    }
  }
}

/** The trials that a stream tells, until trial `last`. */
async function told(stream: AsyncGenerator<StreamMessage>, last: number): Promise<number[]> {
  const trials: number[] = [];
  for await (const { changes } of stream) {
    trials.push(...(changes?.trials ?? []).map(({ number }) => number));
    if (trials.includes(last)) return trials;
  }
  throw new Error('the stream ended');
}

test('what is committed is told once; a page that comes back is told what it missed', async () => {
  const growing = join(folder, 'growing.db');
  using study: Study<SearchSettings> = knownStudy(growing, 3);
  await using live = await serveDashboard({ studies: [growing] });
  const own = await cookieOf(live);
  const { sequence } = await json<StudyAnswer>('/ask/study', live, own);
  const first = messages(live, own, sequence);
  const heard = told(first, 4);
  addTrial(study, 3);
  addTrial(study, 4);
  assert.deepEqual([...new Set(await heard)], [3, 4]);
  await first.return(undefined);

  const { sequence: known } = await json<StudyAnswer>('/ask/study', live, own);
  addTrial(study, 5);
  const second = messages(live, own, 0, { 'last-event-id': String(known) });
  assert.deepEqual(await told(second, 5), [5]);
  await second.return(undefined);
});

test('changes after an event are those trials, with the epochs of what runs', async () => {
  const growing = join(folder, 'changes.db');
  using study: Study<SearchSettings> = knownStudy(growing, 3);
  await using live = await serveDashboard({ studies: [growing] });
  const own = await cookieOf(live);
  const { sequence } = await json<StudyAnswer>('/ask/study', live, own);
  assert.deepEqual((await json<Changes>(`/ask/changes?after=${sequence}`, live, own)).trials, []);
  study.log.ask(3, decisionsOf(3));
  study.log.start(3, { worker: '2', predicted: 7 });
  study.log.epoch(3, { epoch: 1, loss: 1, accuracy: 0.5 });
  const changes = await json<Changes>(`/ask/changes?after=${sequence}`, live, own);
  assert.deepEqual(
    changes.trials.map(({ number, state, reward }) => [number, state, reward]),
    [[3, 'running', null]],
  );
  assert.deepEqual(
    changes.running.map(({ trial, epoch, accuracy }) => [trial, epoch, accuracy]),
    [[3, 1, 0.5]],
  );
  assert.deepEqual(
    changes.attempts.map(({ kind, worker, predicted }) => [kind, worker, predicted]),
    [['start', '2', 7]],
  );
});

test('a study that is moved away is a sentence on the page', async () => {
  const leaving = join(folder, 'leaving.db');
  knownStudy(leaving, 2).close();
  await using live = await serveDashboard({ studies: [leaving] });
  const stream = messages(live, await cookieOf(live), 0);
  await stream.next();
  renameSync(leaving, `${leaving}.moved`);
  for await (const { trouble } of stream) {
    if (trouble === undefined) continue;
    assert.match(trouble, /leaving\.db is no longer there/);
    break;
  }
});

test('studies of older versions are read, whatever their format', async () => {
  const old = join(folder, 'figure-6.db');
  writeFileSync(
    old,
    gunzipSync(readFileSync(resolve(import.meta.dirname, '../../docs/experiments/figure-6-first.db.gz'))),
  );
  await using live = await serveDashboard({ studies: [old] });
  const own = await cookieOf(live);
  const { asked } = await json<StudyAnswer>('/ask/study', live, own);
  assert.equal(asked, 9000); // docs/experiments/figure-6-first.md
});

test('a file that is no study is refused before anything is served', async () => {
  const text = join(folder, 'text.db');
  writeFileSync(text, 'hello');
  await assert.rejects(serveDashboard({ studies: [text] }), InputError);
  await assert.rejects(serveDashboard({ studies: [join(folder, 'missing.db')] }), InputError);
});

test('a port that is taken is a sentence, also from a process of its own', async () => {
  const { port } = dashboard;
  await assert.rejects(serveDashboard({ studies: [path], port }), {
    message: `port ${port} is taken: choose another one, or let the system choose`,
  });
  await assert.rejects(startDashboard({ studies: [path], port }), /is taken/);
  using started = await startDashboard({ studies: [path] });
  assert.equal((await fetch(started.url)).status, 200);
});
