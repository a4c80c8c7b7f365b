// Objects in S3-compatible storage. Keys, region and endpoint come from the environment, under the names that all
// programs use for them (AWS_ACCESS_KEY_ID …).

import { openAsBlob } from 'node:fs';
import { AwsClient } from 'aws4fetch';
import { Failure, InputError } from '../failure.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

export class S3Store implements ObjectStore {
  readonly #client: AwsClient;
  readonly #root: string;
  readonly #prefix: string;

  /** @throws InputError if the environment has no keys */
  constructor({ bucket, prefix }: { bucket: string; prefix: string }, environment = process.env) {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
    if (!accessKeyId || !secretAccessKey)
      throw new InputError(
        `s3://${bucket}: expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, got none`,
      );
    const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION || 'us-east-1';
    const sessionToken = environment.AWS_SESSION_TOKEN;
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken && { sessionToken }),
      region,
      service: 's3',
      retries: 5,
    });
    const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL;
    this.#root = endpoint ? `${endpoint.replace(/\/$/, '')}/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com`;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    for (let token: string | undefined; ; ) {
      const query = new URLSearchParams({ 'list-type': '2', prefix: this.#prefix + prefix });
      if (token !== undefined) query.set('continuation-token', token);
      const response = await this.#ask('GET', `?${query}`);
      const text = await response.text();
      for (const [, entry = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) objects.push(this.#object(entry));
      token = field(text, 'NextContinuationToken');
      if (token === undefined) return objects;
    }
  }

  #object(entry: string): StoredObject {
    return {
      name: (field(entry, 'Key') ?? '').slice(this.#prefix.length),
      bytes: Number(field(entry, 'Size')),
      modified: Date.parse(field(entry, 'LastModified') ?? ''),
    };
  }

  async read(name: string, from: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const response = await this.#ask(
      'GET',
      this.#path(name),
      from > 0 ? { headers: { range: `bytes=${from}-` } } : {},
      [404, 416],
    );
    if (response.status === 404) return undefined;
    if (response.status === 416 || !response.body) return (async function* () {})();
    return response.body;
  }

  async write(name: string, path: string): Promise<void> {
    await this.#ask('PUT', this.#path(name), { body: await openAsBlob(path) });
  }

  async remove(name: string): Promise<void> {
    await this.#ask('DELETE', this.#path(name), {}, [404]);
  }

  async close(): Promise<void> {}

  #path(name: string): string {
    return `/${(this.#prefix + name).split('/').map(encodeURIComponent).join('/')}`;
  }

  async #ask(method: string, path: string, init: RequestInit = {}, allowed: number[] = []): Promise<Response> {
    let response: Response;
    try {
      response = await this.#client.fetch(this.#root + path, { ...init, method });
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      throw new Failure(`${this.#root}: the storage does not answer (${cause?.message || message})`);
    }
    if (response.ok || allowed.includes(response.status)) return response;
    const reason = field(await response.text(), 'Message') ?? response.statusText;
    throw new Failure(`${this.#root}: the storage answered ${response.status} (${reason})`);
  }
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Returns the text of an XML element. */
function field(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(xml) ?? [];
  return text?.replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => entities[entity]!);
}
