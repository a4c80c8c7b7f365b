// Who may ask the dashboard: whoever has the token, from a page of the dashboard's own address. A name that was made to
// point here (DNS rebinding) fails at the Host header, another page's form or script at the cookie and the Origin.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** 128 bits. */
export const newToken = (): string => randomBytes(16).toString('hex');

/** The header with which the page exchanges the token of its address for a cookie, and which every change must have. */
export const tokenHeader = 'x-nasnet-token';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

export class Security {
  readonly #token: string;
  readonly #hosts: Set<string>;
  readonly #cookie: string;

  /** @param names the hosts under which it is reached besides those of this machine */
  constructor(token: string, port: number, names: readonly string[]) {
    this.#token = token;
    this.#cookie = `nasnet-${port}`; // cookies do not know ports
    const hosts = [...loopbackNames, ...names].flatMap((name) => [name, `${name}:${port}`]);
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
  }

  /** Whether the request names one of our own addresses, and comes from no other page. */
  isOwn({ headers }: IncomingMessage): boolean {
    const { host = '', origin } = headers;
    if (!this.#hosts.has(host.toLowerCase())) return false;
    if (headers['sec-fetch-site'] === 'cross-site') return false;
    return origin === undefined || origin === `http://${host}`;
  }

  /** Whether it has the cookie. */
  isKnown({ headers }: IncomingMessage): boolean {
    const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
    return cookies.some(
      (cookie) => cookie.startsWith(`${this.#cookie}=`) && this.#fits(cookie.slice(this.#cookie.length + 1)),
    );
  }

  /** Whether it has the token itself, which a page takes from the address that was printed. */
  hasToken({ headers }: IncomingMessage): boolean {
    return this.#fits(String(headers[tokenHeader] ?? ''));
  }

  get setCookie(): string {
    return `${this.#cookie}=${this.#token}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Takes the same time for every text. */
  #fits(text: string): boolean {
    const [given, own] = [Buffer.from(text), Buffer.from(this.#token)];
    return (
      timingSafeEqual(own, given.length === own.length ? given : Buffer.alloc(own.length)) &&
      given.length === own.length
    );
  }
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The headers of every answer. */
export const safeHeaders: Record<string, string> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};
