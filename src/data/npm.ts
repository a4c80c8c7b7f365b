// Asks the user's npm for a package's address and for the network configuration (registries, proxies, certificates),
// which download.ts uses.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { checked, parsedJson } from '../checked.ts';
import { Failure, InputError } from '../failure.ts';

export interface PackageArchive {
  tarball: string;
  /** Integrity as in a lock file: "sha512-" and base64. */
  integrity: string;
}

/** The network configuration of requests. */
export interface Network {
  certificates: string[] | undefined;
  strict: boolean;
  proxies: { HTTP_PROXY?: string; HTTPS_PROXY?: string; NO_PROXY?: string };
}

/** Returns address and checksum of a package's archive. @throws Failure with npm's reason */
export async function packageArchive(name: string): Promise<PackageArchive> {
  const dist = answer(distSchema, await npm(['view', name, 'dist', '--json']), `npm view ${name}`);
  const sha1 = () => `sha1-${Buffer.from(dist.shasum ?? '', 'hex').toString('base64')}`;
  return { tarball: dist.tarball, integrity: dist.integrity ?? sha1() };
}

/** Returns the certificates and proxies of npm's configuration. */
export async function network(): Promise<Network> {
  const settings = answer(z.record(z.string(), z.unknown()), await npm(['config', 'list', '--json']), 'npm config');
  const text = (name: string) => (typeof settings[name] === 'string' && settings[name] ? settings[name] : undefined);
  const cafile = text('cafile');
  const certificates = settings.ca ? [settings.ca].flat().map(String) : undefined;
  const httpsProxy = text('https-proxy') ?? text('proxy');
  const httpProxy = text('http-proxy') ?? text('proxy') ?? httpsProxy;
  return {
    certificates: cafile && existsSync(cafile) ? [readFileSync(cafile, 'utf8')] : certificates,
    strict: settings['strict-ssl'] !== false,
    proxies: {
      ...(httpProxy && { HTTP_PROXY: httpProxy }),
      ...(httpsProxy && { HTTPS_PROXY: httpsProxy }),
      NO_PROXY: [settings.noproxy ?? []].flat().filter(Boolean).join(','),
    },
  };
}

/** Downloads a package's archive with npm, which supports logins; returns its path. */
export async function packArchive(name: string, folder: string): Promise<string> {
  const output = await npm(['pack', name, '--pack-destination', folder, '--json']);
  const [packed] = answer(packedSchema, output, `npm pack ${name}`);
  return join(folder, basename(packed.filename));
}

const distSchema = z.object({
  tarball: z.string(),
  shasum: z.string().optional(),
  integrity: z.string().optional(),
});
const packedSchema = z.tuple([z.object({ filename: z.string() })], z.unknown());

/** Parses an answer of npm. @throws Failure if it is not as expected */
function answer<Answer>(schema: z.ZodType<Answer>, text: string, command: string): Answer {
  try {
    return checked(schema, parsedJson(text, command, 'answer'), command, 'answer');
  } catch (error) {
    throw error instanceof InputError ? new Failure(error.message) : error;
  }
}

const run = promisify(execFile);

async function npm(words: string[]): Promise<string> {
  const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--loglevel=error'];
  try {
    const { stdout } = await run(npmProgram(), [...words, ...patience], { maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    throw new Failure(reason(error));
  }
}

/** Returns the npm next to the running node, else the one on the PATH. */
function npmProgram(): string {
  const neighbour = join(dirname(process.execPath), 'npm');
  return existsSync(neighbour) ? neighbour : 'npm';
}

function reason(error: unknown): string {
  const { code, stderr = '', stdout = '' } = error as { code?: string | number; stderr?: string; stdout?: string };
  if (code === 'ENOENT') return 'npm was not found';
  const summary = /"summary":\s*"((?:[^"\\]|\\.)*)"/.exec(stdout)?.[1];
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim());
  const line = lines.find((text) => text && !/^(code|errno|syscall|type|network This|A complete log)/.test(text));
  return `npm says: ${summary ?? line ?? code}`;
}
