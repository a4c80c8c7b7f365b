// Options of strategies: the paper's controller, our variant for small budgets, and how given ones are checked.
// (Defaults and their reasons live here and nowhere else.)

import { InputError } from '../failure.ts';

/** Defaults overridden by what was given. Throws an InputError for an unknown name or another type of value. */
export function parseOptions<Options extends object>(given: object, defaults: Options): Options {
  const known = new Map<string, unknown>(Object.entries(defaults));
  for (const [name, value] of Object.entries(given)) {
    if (!known.has(name)) {
      const names = known.size > 0 ? `one of ${[...known.keys()].join(', ')}` : 'none';
      throw new InputError(`strategy options: expected ${names}, got "${name}"`);
    }
    const standard = known.get(name);
    if (typeof value !== typeof standard || (typeof value === 'number' && !Number.isFinite(value))) {
      throw new InputError(`strategy options: ${name}: expected a ${typeof standard} like ${standard}, got ${value}`);
    }
  }
  return { ...defaults, ...given };
}
