// The Redis or Valkey server of a queue: its address, who connects, and whether it is set up to keep a queue.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { namedQueueAccess } from '../environment.ts';
import { Failure, InputError } from '../failure.ts';
import { duration } from '../words.ts';

/** A part of all names on the server: workers and searches of another protocol do not see each other. */
export const serverPrefix = 'nasnet-1';

/** An address without any password. */
export interface QueueServer {
  host: string;
  port: number;
  tls: boolean;
  database: number;
}

/** Who connects, from the environment: command lines are visible to all users of a machine. */
export interface QueueAccess {
  user?: string;
  password?: string;
  /** PEM. */
  authority?: string;
  certificate?: string;
  key?: string;
}

const forms = 'redis://HOST:PORT or rediss://HOST:PORT';

/** Parses the address of a queue. @throws InputError */
export function parseServer(text: string): QueueServer {
  const refusal = (sentence: string) => new InputError(`queue: ${sentence}`, { code: 'queue-address' });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || url.search !== '' || url.hash !== '')
    throw refusal(`expected an address such as ${forms}, got ${JSON.stringify(withoutPassword(text))}`);
  if (url.password !== '' || url.username !== '')
    throw refusal(
      `expected an address without user and password, since others can read command lines; set NASNET_QUEUE_USER and NASNET_QUEUE_PASSWORD, or NASNET_QUEUE_PASSWORD_FILE`,
    );
  const [, database = '0'] = /^\/?(\d{0,4})$/.exec(url.pathname) ?? [];
  if (!/^\/?\d{0,4}$/.test(url.pathname))
    throw refusal(`expected the number of a database after the host, got ${JSON.stringify(url.pathname)}`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 6379),
    tls: url.protocol === 'rediss:',
    database: Number(database || 0),
  };
}

const withoutPassword = (text: string) => text.replace(/\/\/[^/@]*@/, '//…@');

/** The address as it is printed. */
export function serverName({ host, port, tls, database }: QueueServer): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${tls ? 'rediss' : 'redis'}://${name}:${port}${database > 0 ? `/${database}` : ''}`;
}

/** Reads user, password and certificates. @throws InputError for a file that cannot be read */
export function accessFrom(environment: NodeJS.ProcessEnv): QueueAccess {
  const named = namedQueueAccess(environment);
  const password = named.password ?? textOf('NASNET_QUEUE_PASSWORD_FILE', named.passwordFile)?.trim();
  const authority = textOf('NASNET_QUEUE_CA', named.authorityFile);
  const certificate = textOf('NASNET_QUEUE_CERT', named.certificateFile);
  const key = textOf('NASNET_QUEUE_KEY', named.keyFile);
  return {
    ...(named.user !== undefined && { user: named.user }),
    ...(password && { password }),
    ...(authority !== undefined && { authority }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}

function textOf(variable: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(`${variable}: expected a file that can be read, got ${path} (${(error as Error).message})`);
  }
}

/**
 * Milliseconds without an answer after which a connection is dead. More than the longest poll (5 s) and its watchdog.
 */
const silence = 15_000;

function optionsOf(server: QueueServer, access: QueueAccess) {
  const { host, port, database: db } = server;
  const { user, password, authority, certificate, key } = access;
  const tls = {
    servername: host,
    ...(authority !== undefined && { ca: authority }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
  };
  return {
    host,
    port,
    db,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(server.tls && { tls }),
    maxRetriesPerRequest: null, // commands wait until the server is back
    socketTimeout: silence, // without it a link that was cut silently is found after minutes
    keepAlive: silence,
    connectTimeout: 10_000,
    retryStrategy: (attempt: number) => Math.min(100 * 2 ** attempt, 5000) + Math.random() * 500,
  };
}

export interface Connection extends AsyncDisposable {
  redis: Redis;
  name: string;
}

export interface ConnectOptions {
  access?: QueueAccess;
  /** Milliseconds for the first answer. Workers may start before the server does. */
  patience?: number;
  /** Called when the server is away, and when it is back. */
  onChange?: (line: string) => void;
}

/**
 * Connects to the server, which then may be away for any time.
 * @throws InputError for a wrong password or certificate; Failure if there is no answer at first
 */
export async function connect(server: QueueServer, options: ConnectOptions = {}): Promise<Connection> {
  const { access = accessFrom(process.env), patience = 15_000, onChange = () => {} } = options;
  const name = serverName(server);
  await firstAnswer(server, access, name, { patience, onChange });
  const redis = new Redis(optionsOf(server, access));
  let away = false;
  redis.on('error', () => {}); // told by 'close'
  redis.on('close', () => {
    if (!away && redis.status !== 'end') onChange(`${name} does not answer; waiting until it does`);
    away = true;
  });
  redis.on('ready', () => {
    if (away) onChange(`${name} answers again`);
    away = false;
  });
  await redis.ping();
  const end = async () => {
    redis.removeAllListeners('close');
    redis.disconnect();
  };
  return { redis, name, [Symbol.asyncDispose]: end };
}

/** Resolves when the work has ended, or the server is away: the work's commands then wait until it is back. */
export async function unlessAway(redis: Redis, work: Promise<void>): Promise<void> {
  if (redis.status !== 'ready') return;
  const { promise: away, resolve } = Promise.withResolvers<void>();
  redis.once('close', resolve);
  await Promise.race([work, away]).finally(() => redis.off('close', resolve));
}

/** Tries to connect until there is an answer. */
async function firstAnswer(
  server: QueueServer,
  access: QueueAccess,
  name: string,
  { patience, onChange }: Required<Pick<ConnectOptions, 'patience' | 'onChange'>>,
): Promise<void> {
  const until = performance.now() + patience;
  for (let attempt = 1; ; attempt++) {
    const redis = new Redis({ ...optionsOf(server, access), lazyConnect: true, retryStrategy: () => null });
    let problem: Error | undefined;
    redis.on('error', (error: Error) => {
      problem ??= error;
    });
    try {
      await redis.connect();
      await redis.ping();
      return;
    } catch (error) {
      const reason = problem ?? (error as Error);
      const refused = refusalOf(reason, access);
      if (refused !== undefined) throw new InputError(`${name}: ${refused}`);
      if (performance.now() >= until)
        throw new Failure(`${name}: the queue's server does not answer (${wordsOf(reason)})`);
      if (attempt === 1) onChange(`${name} does not answer yet; trying for ${duration(patience / 1000)}`);
      await sleep(500);
    } finally {
      redis.disconnect();
    }
  }
}

const wordsOf = (error: Error) => error.message || (error as NodeJS.ErrnoException).code || String(error);

/** Returns the reason of an error that does not pass with time; undefined for any other error. */
function refusalOf(error: Error, { password }: QueueAccess): string | undefined {
  const words = wordsOf(error);
  const { code = '' } = error as NodeJS.ErrnoException;
  if (/^NOAUTH|^NOPERM/.test(words) || /without any password configured/.test(words))
    return password === undefined
      ? 'expected a password, got none; set NASNET_QUEUE_PASSWORD or NASNET_QUEUE_PASSWORD_FILE'
      : `expected a user who may use the queue (${words})`;
  if (/^WRONGPASS|invalid password/i.test(words))
    return 'expected another user or password than those in the environment';
  if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|UNABLE_TO_/.test(code)) return `the certificates do not fit (${words})`;
  return undefined;
}

/** Returns what is wrong with a server's set-up, as sentences. @throws Failure if it is too old */
export async function serverProblems({ redis, name }: Connection): Promise<string[]> {
  const info = await redis.info();
  const field = (key: string) => new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = field('redis_version') ?? '0';
  if (Number.parseFloat(version) < 6.2)
    throw new Failure(`${name}: expected Redis 6.2 or newer, or Valkey, got ${version}`);
  const policy = field('maxmemory_policy');
  return [
    ...(policy !== undefined && policy !== 'noeviction'
      ? [`${name} may forget jobs when its memory is full: set maxmemory-policy noeviction, it is ${policy}`]
      : []),
    ...(field('aof_enabled') === '0'
      ? [`${name} forgets the queue when it is restarted: set appendonly yes; what is lost is trained again`]
      : []),
  ];
}
