// Real Chromium for tests of the page, and what is brought to it.

import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp, { type Sharp } from 'sharp';

const program = '/usr/bin/chromium';
export const skip = existsSync(program)
  ? false
  : `the page is tested in ${program}, which is not there (Debian: chromium)`;
const flags =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

export const openChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: program, args: flags.split(' ') });

/** Opens a page whose requests and complaints are collected. */
export async function watchedPage(browser: Browser) {
  const page = await browser.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, requests, complaints };
}

/** Brings a file as a drop or a paste does. */
export const bringFile = (
  page: Page,
  event: 'drop' | 'paste',
  { name, type, bytes }: { name: string; type: string; bytes: Uint8Array },
) =>
  page.evaluate(
    `((event, name, type, base64) => {
      const files = new DataTransfer();
      files.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type }));
      const init = { bubbles: true, cancelable: true, dataTransfer: files, clipboardData: files };
      document.body.dispatchEvent(event === 'drop' ? new DragEvent(event, init) : new ClipboardEvent(event, init));
    })(${[event, name, type, Buffer.from(bytes).toString('base64')].map((each) => JSON.stringify(each)).join()})`,
  );

/** Slopes and an edge; RGB, or RGBA with a transparent corner. */
export function drawn(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const bytes = Uint8Array.from({ length: channels * height * width }, (_, index) => {
    const [channel, x, y] = [
      index % channels,
      Math.floor(index / channels) % width,
      Math.floor(index / channels / width),
    ];
    if (channel === 3) return x + y < width / 2 ? 0 : 255;
    return 128 + 90 * Math.sin((x * (channel + 2)) / width) * Math.cos((5 * y) / height) + (x > width / 2 ? 30 : -30);
  });
  return sharp(bytes, { raw: { width, height, channels } });
}
