// Downloads a large file over HTTP. An interrupted download stays next to the target as a .part file, which the next
// attempt or process continues; the complete file is verified.

import { createHash } from 'node:crypto';
import { closeSync, createReadStream, existsSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { Network } from './npm.ts';

/** Pauses in milliseconds before consecutive attempts without progress; then the download fails. */
const pauses = [0, 500, 2000, 5000];
/** Milliseconds of silence after which a connection counts as lost. */
const silence = 30_000;
const mostRedirects = 5;

/** The server refused the request (401, 403, 404, …); a retry would not help. */
export class Refused extends Failure {}

/** The content does not match the checksum. It is deleted, so that the next attempt starts again. */
export class Corrupt extends Failure {}

/**
 * Downloads `url` to `part`, continuing an existing file, until the file has the integrity ("sha512-…"). Calls
 * `onBytes(done, total)` on progress.
 * @throws Refused, Corrupt, or a Failure if the network fails
 */
export async function download(
  url: string,
  part: string,
  options: { integrity: string; network: Network; onBytes: (done: number, total: number) => void },
): Promise<void> {
  if (size(part) > 0 && (await hasIntegrity(part, options.integrity))) return;
  for (let fruitless = 0; ; ) {
    const before = size(part);
    await wait(pauses[fruitless]!);
    try {
      await continueFile(url, part, options);
      break;
    } catch (error) {
      if (error instanceof Failure || isDiskError(error)) throw error;
      fruitless = size(part) > before ? 0 : fruitless + 1;
      if (fruitless === pauses.length) throw new Failure(explain(error));
    }
  }
  if (await hasIntegrity(part, options.integrity)) return;
  rmSync(part);
  throw new Corrupt('the downloaded file does not have the announced checksum');
}

/** Whether a file has the checksum. */
async function hasIntegrity(path: string, integrity: string): Promise<boolean> {
  const [algorithm, expected] = integrity.split(' ')[0]!.split(/-(.*)/s);
  const hash = createHash(algorithm!);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('base64') === expected;
}

async function continueFile(
  url: string,
  part: string,
  { network, onBytes }: { network: Network; onBytes: (done: number, total: number) => void },
): Promise<void> {
  const start = size(part);
  const response = await request(new URL(url), start, network, mostRedirects);
  if (response.statusCode === 416) {
    response.destroy();
    return; // the file is complete; the checksum decides whether it is correct
  }
  const continues = response.statusCode === 206 && response.headers['content-range']?.startsWith(`bytes ${start}-`);
  if (!continues && response.statusCode !== 200) {
    response.destroy();
    const status = `${response.statusCode} ${response.statusMessage ?? ''}`.trim();
    if (response.statusCode! >= 500 || response.statusCode === 429) throw new Error(`the server answered ${status}`);
    throw new Refused(`the server answered ${status}`);
  }
  let done = continues ? start : 0;
  const total = done + Number(response.headers['content-length'] ?? 0);
  onBytes(done, total);
  const file = openSync(part, continues ? 'a' : 'w');
  try {
    await new Promise<void>((resolve, reject) => {
      response.on('data', (bytes: Buffer) => {
        try {
          // immediately, so that a lost connection loses nothing
          for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
        } catch (error) {
          response.destroy(error as Error);
          return;
        }
        done += bytes.length;
        onBytes(done, total);
      });
      response.on('end', resolve);
      response.on('error', reject);
    });
  } finally {
    closeSync(file);
  }
  if (done < total) throw new Error('the connection was cut');
}

function request(url: URL, start: number, network: Network, redirects: number): Promise<http.IncomingMessage> {
  const secure = url.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ ca: network.certificates, rejectUnauthorized: network.strict, proxyEnv: network.proxies })
    : new http.Agent({ proxyEnv: network.proxies });
  const headers = start > 0 ? { range: `bytes=${start}-` } : {};
  return new Promise((resolve, reject) => {
    const sent = (secure ? https : http).get(url, { agent, headers, timeout: silence }, (response) => {
      const location = response.headers.location;
      if (response.statusCode! >= 300 && response.statusCode! < 400 && location) {
        response.destroy();
        if (redirects === 0) reject(new Refused('the server redirects in circles'));
        else resolve(request(new URL(location, url), start, network, redirects - 1));
        return;
      }
      resolve(response);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer for ${silence / 1000} s`)));
    sent.on('error', reject);
  });
}

function size(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

function isDiskError(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Returns the innermost reason; Node wraps the errors of several addresses into one without a message. */
function explain(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  return message || errors?.[0]?.message || code || String(error);
}
