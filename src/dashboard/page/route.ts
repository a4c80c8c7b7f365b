// Which view is shown, and of what: the part of the address after #.

import { signal } from '@preact/signals';

export interface Route {
  view: string;
  study: number;
  parameters: Record<string, string>;
}

function read(): Route {
  const [, view = 'now', query = ''] = /^#\/?([a-z-]*)\??(.*)$/.exec(location.hash) ?? [];
  const { study = '0', ...parameters } = Object.fromEntries(new URLSearchParams(query));
  return { view: view || 'now', study: Number(study) || 0, parameters };
}

export const route = signal<Route>(read());
addEventListener('hashchange', () => {
  route.value = read();
});

/** Shows a view of the same study. */
export function go(view: string, parameters: Record<string, string> = {}): void {
  location.hash = hrefOf(view, parameters);
}

export function hrefOf(view: string, parameters: Record<string, string> = {}, study = route.value.study): string {
  const query = new URLSearchParams({ ...parameters, ...(study > 0 && { study: String(study) }) }).toString();
  return `#/${view}${query && `?${query}`}`;
}
