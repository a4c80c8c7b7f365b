// The dashboard's server: the page, answers to its questions about the studies, the stream of changes and, where
// allowed, requests to the search. It reads studies as any reader does and loads no engine.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { Failure, InputError } from '../../failure.ts';
import { decode } from '../../space/decisions.ts';
import { parseRequest, sendRequest } from '../../study/requests.ts';
import { answers, type Question, studyAnswer } from '../answers.ts';
import { studyName } from '../study-name.ts';
import { viewedSettings } from '../viewed-settings.ts';
import { Stream } from './change-stream.ts';
import { pageFiles } from './page-files.ts';
import { newToken, Security, safeHeaders, tokenHeader } from './security.ts';
import { StudyFile } from './study-file.ts';

export interface DashboardOptions {
  /** The study files. */
  studies: readonly string[];
  /** Default: this machine only. */
  host?: string | undefined;
  /** Default: any free one. */
  port?: number | undefined;
  /** Names under which it may be reached besides those of this machine. */
  allowHosts?: readonly string[] | undefined;
  /** Whether a page may pause, stop and extend the search. */
  control?: boolean | undefined;
}

export interface Dashboard extends AsyncDisposable {
  /** The address with its token. */
  url: string;
  port: number;
  close(): Promise<void>;
}

export const loopback = '127.0.0.1';
const mostBody = 100_000; // bytes
const leastToCompress = 1000; // bytes

const [gzipped, brotlied] = [promisify(gzip), promisify(brotliCompress)];

/**
 * Opens the studies and serves them.
 * @throws InputError if a study cannot be read, Failure if the port is taken
 */
export async function serveDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { studies, host = loopback, port = 0, allowHosts = [], control = false } = options;
  const files = studies.map((path) => new StudyFile(path));
  const page = await pageFiles();
  const server = createServer({ keepAliveTimeout: 60_000 });
  await listen(server, host, port);
  const { port: own } = server.address() as AddressInfo;
  const token = newToken();
  const name = isIP(host) === 6 ? `[${host}]` : host;
  const stream = new Stream(files);
  const site = { files, page, stream, control, security: new Security(token, own, [name, ...allowHosts]) };
  server.on('request', (request, response) => void answer(site, request, response));
  const close = async () => {
    stream.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const file of files) file.close();
  };
  const shown = ['0.0.0.0', '[::]'].includes(name) ? 'localhost' : name;
  return { url: `http://${shown}:${own}/#t=${token}`, port: own, close, [Symbol.asyncDispose]: close };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reasons: Record<string, string> = {
        EADDRINUSE: `port ${port} is taken: choose another one, or let the system choose`,
        EACCES: `port ${port} is not allowed for this user: choose one above 1023`,
        EADDRNOTAVAIL: `${host} is not an address of this machine`,
        ENOTFOUND: `${host} is not a known name`,
      };
      reject(new Failure(reasons[error.code ?? ''] ?? `the dashboard cannot listen: ${error.message}`));
    });
    server.listen(port, host, resolve);
  });
}

interface Site {
  files: readonly StudyFile[];
  page: Awaited<ReturnType<typeof pageFiles>>;
  stream: Stream;
  control: boolean;
  security: Security;
}

/** A refusal of a request, with its HTTP status. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
  try {
    if (!site.security.isOwn(request)) throw new Refusal(403, 'this address is not the dashboard’s own');
    await route(site, request, response);
  } catch (error) {
    const status =
      error instanceof Refusal ? error.status : error instanceof RangeError || error instanceof InputError ? 400 : 500;
    if (response.headersSent) return void response.destroy();
    await send(request, response, {
      type: 'application/json',
      body: JSON.stringify({ error: (error as Error).message }),
      status,
    });
  }
}

async function route(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://dashboard');
  const file = site.page[pathname];
  if (file) {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new Refusal(405, 'expected GET');
    return send(request, response, { ...file, cache: fileCache });
  }
  if (pathname === '/session') return begin(site, request, response);
  if (!site.security.isKnown(request)) throw new Refusal(401, 'expected the token of the address that nasnet printed');
  if (pathname === '/control') return obey(site, request, response);
  if (request.method !== 'GET') throw new Refusal(405, 'expected GET');
  if (pathname === '/studies') return sendJson(request, response, studiesOf(site));
  if (pathname === '/events') {
    const known = request.headers['last-event-id'] ?? searchParams.get('after') ?? '';
    return site.stream.add(response, String(known).split(',').map(Number));
  }
  const [, question] = /^\/ask\/(\w+)$/.exec(pathname) ?? [];
  if (question === undefined || !Object.hasOwn(answers, question)) throw new Refusal(404, 'there is no such page');
  const parameters = Object.fromEntries(searchParams);
  const found = answers[question as Question](studyFile(site, parameters.study), parameters);
  if (found instanceof Uint8Array) return send(request, response, { type: 'application/octet-stream', body: found });
  return sendJson(request, response, found);
}

/** The page exchanges the token for a cookie that no script can read. */
function begin({ security }: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') throw new Refusal(405, 'expected POST');
  if (!security.hasToken(request)) throw new Refusal(401, 'this token is not the one that nasnet printed');
  response.setHeader('set-cookie', security.setCookie);
  return sendJson(request, response, {});
}

const studiesOf = ({ files, control }: Site) => ({
  control,
  studies: files.map((file) => ({ name: studyName(file.path), path: file.path, searched: file.isSearched })),
});

function studyFile({ files }: Site, index = '0'): StudyFile {
  const file = /^\d{1,4}$/.test(index) ? files[Number(index)] : undefined;
  if (file) return file;
  throw new RangeError(`study: expected a number below ${files.length}, got ${JSON.stringify(index)}`);
}

async function obey(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') throw new Refusal(405, 'expected POST');
  if (!site.control) throw new Refusal(403, 'this dashboard only shows: control was not asked for when it was started');
  const { headers } = request;
  if (
    headers.origin === undefined ||
    headers[tokenHeader] === undefined ||
    !headers['content-type']?.startsWith('application/json')
  )
    throw new Refusal(403, 'expected a request of the dashboard’s own page');
  const { study, ...asked } = JSON.parse(await bodyOf(request)) as { study?: number };
  const file = studyFile(site, String(study ?? 0));
  const wanted = parseRequest(asked);
  const settings = viewedSettings(studyAnswer(file).settings.settings);
  if (wanted.action === 'try') {
    decode(wanted.decisions, settings.space);
    if (wanted.decisions.length !== 10 * settings.blocks)
      throw new InputError(`decisions: expected ${10 * settings.blocks} numbers, got ${wanted.decisions.length}`);
  }
  if (wanted.action === 'add' && settings.budget)
    throw new Refusal(409, 'the time of this search decides how many trials it has: none can be added');
  if (file.isSearched === false) throw new Refusal(409, 'no search runs on this study: continue it first');
  sendRequest(file.path, wanted);
  return sendJson(request, response, { asked: wanted.action });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > mostBody) throw new Refusal(413, `expected at most ${mostBody} bytes`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString();
}

interface Sent {
  type: string;
  body: string | Uint8Array;
  status?: number;
  cache?: string;
}

const sendJson = (request: IncomingMessage, response: ServerResponse, value: unknown) =>
  send(request, response, { type: 'application/json', body: JSON.stringify(value) });

async function send(
  { headers, method }: IncomingMessage,
  response: ServerResponse,
  { type, body, status = 200, cache = 'no-store' }: Sent,
): Promise<void> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const accepted = String(headers['accept-encoding'] ?? '');
  const encoding =
    bytes.length < leastToCompress ? undefined : (['br', 'gzip'] as const).find((each) => accepted.includes(each));
  const sent = encoding === undefined ? bytes : await packed(body, bytes, encoding, cache === fileCache);
  response.writeHead(status, {
    'content-type': type,
    'cache-control': cache,
    'content-length': sent.length,
    vary: 'accept-encoding',
    ...(encoding && { 'content-encoding': encoding }),
  });
  response.end(method === 'HEAD' ? undefined : sent);
}

/** Files of the page may be kept, if the browser asks whether they are still the same. */
const fileCache = 'no-cache';

/** Compressed files of the page, by their text and encoding: they are sent to every page. */
const packedFiles = new Map<string, Promise<Uint8Array>>();

function packed(body: string | Uint8Array, bytes: Uint8Array, encoding: 'br' | 'gzip', isFile: boolean) {
  if (!isFile) return compressed(bytes, encoding, 4);
  const key = `${encoding} ${body}`;
  const known = packedFiles.get(key) ?? compressed(bytes, encoding, 9);
  packedFiles.set(key, known);
  return known;
}

/** 660 kB of columns take 15 ms with brotli at 4, 12 ms with gzip at 4, which is a twelfth larger. */
const compressed = (bytes: Uint8Array, encoding: 'br' | 'gzip', quality: number): Promise<Uint8Array> =>
  encoding === 'br'
    ? brotlied(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } })
    : gzipped(bytes, { level: quality });
