// Downloads over connections that are cut, refused, redirected, or lie.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Corrupt, download, Refused } from '../../src/data/download.ts';
import { temporaryFolder } from './temporary.ts';

const network = { certificates: undefined, strict: true, proxies: {} };
const content = randomBytes(300_000);
const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`;

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A server on the loopback; every request's Range header (or 'whole') is noted. */
async function serve(context: TestContext, answer: Answer): Promise<{ url: string; ranges: string[] }> {
  const ranges: string[] = [];
  const server = http.createServer((request, response) => {
    ranges.push(request.headers.range ?? 'whole');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.tgz`, ranges };
}

/** Sends what the Range asks for, but cuts the connection after `most` bytes. */
function sendUpTo(most: number): Answer {
  return (request, response) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = content.subarray(start);
    const headers = {
      'content-length': rest.length,
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
    };
    response.writeHead(start > 0 ? 206 : 200, headers);
    response.write(rest.subarray(0, most), () => (rest.length > most ? response.destroy() : response.end()));
  };
}

test('a download over a connection that is cut repeatedly continues, and no byte is sent twice', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  const { url, ranges } = await serve(context, sendUpTo(100_000));
  const seen: number[] = [];
  await download(url, part, { integrity, network, onBytes: (done) => seen.push(done) });
  assert.deepEqual(readFileSync(part), content);
  assert.deepEqual(ranges, ['whole', 'bytes=100000-', 'bytes=200000-']);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(seen.at(-1), content.length);
});

test('the partial file of another process is continued', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, content.subarray(0, 250_000));
  const { url, ranges } = await serve(context, sendUpTo(Number.POSITIVE_INFINITY));
  await download(url, part, { integrity, network, onBytes: () => {} });
  assert.deepEqual(readFileSync(part), content);
  assert.deepEqual(ranges, ['bytes=250000-']);
});

test('a complete file is not requested again', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, content);
  const { url, ranges } = await serve(context, sendUpTo(0));
  await download(url, part, { integrity, network, onBytes: () => {} });
  assert.deepEqual(ranges, []);
});

test('a server without ranges sends the complete file again', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, content.subarray(0, 1000));
  const { url } = await serve(context, (_, response) => response.end(content));
  await download(url, part, { integrity, network, onBytes: () => {} });
  assert.deepEqual(readFileSync(part), content);
});

test('a corrupt partial file is detected and deleted, and the next attempt succeeds', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, Buffer.alloc(5000, 1));
  const { url } = await serve(context, sendUpTo(Number.POSITIVE_INFINITY));
  const attempt = () => download(url, part, { integrity, network, onBytes: () => {} });
  await assert.rejects(attempt, Corrupt);
  assert.equal(existsSync(part), false);
  await attempt();
  assert.deepEqual(readFileSync(part), content);
});

test('a file with too many bytes is detected and deleted', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, Buffer.concat([content, content]));
  const { url } = await serve(context, (_, response) => response.writeHead(416).end());
  await assert.rejects(download(url, part, { integrity, network, onBytes: () => {} }), Corrupt);
  assert.equal(existsSync(part), false);
});

test('a refusal is reported without a retry and does not delete the partial file', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, content.subarray(0, 1000));
  const { url, ranges } = await serve(context, (_, response) => response.writeHead(403).end());
  await assert.rejects(download(url, part, { integrity, network, onBytes: () => {} }), (error: Error) => {
    assert.ok(error instanceof Refused);
    assert.match(error.message, /403/);
    return true;
  });
  assert.equal(ranges.length, 1);
  assert.equal(statSync(part).size, 1000);
});

test('a redirect is followed with the range', async (context) => {
  const part = join(temporaryFolder(context), 'file.part');
  writeFileSync(part, content.subarray(0, 1000));
  const target = await serve(context, sendUpTo(Number.POSITIVE_INFINITY));
  const { url } = await serve(context, (_, response) => response.writeHead(302, { location: target.url }).end());
  await download(url, part, { integrity, network, onBytes: () => {} });
  assert.deepEqual(readFileSync(part), content);
  assert.deepEqual(target.ranges, ['bytes=1000-']);
});

test('requests go through the proxy of the configuration, except to excluded hosts', async (context) => {
  const folder = temporaryFolder(context);
  const proxy = await serve(context, (_, response) => response.end(content));
  const server = await serve(context, (_, response) => response.end(content));
  const proxies = { HTTP_PROXY: new URL(proxy.url).origin };
  const options = { integrity, onBytes: () => {} };
  await download(server.url, join(folder, 'a'), { ...options, network: { ...network, proxies } });
  assert.deepEqual([proxy.ranges.length, server.ranges.length], [1, 0]);
  const direct = { ...network, proxies: { ...proxies, NO_PROXY: '127.0.0.1' } };
  await download(server.url, join(folder, 'b'), { ...options, network: direct });
  assert.deepEqual([proxy.ranges.length, server.ranges.length], [1, 1]);
});
