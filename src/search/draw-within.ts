// Drawing until the limits are kept.

import { Failure } from '../failure.ts';

/** Whether decisions keep the search's limits; a function of the decisions alone. */
export type Accepts = (decisions: readonly number[]) => boolean;

const mostAttempts = 1000;

/** The first draw that is accepted. @throws Failure after a thousand that are not */
export function drawWithin<Drawn>(
  accepts: Accepts,
  draw: (attempt: number) => Drawn,
  decisionsOf: (drawn: Drawn) => readonly number[],
): Drawn {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const drawn = draw(attempt);
    if (accepts(decisionsOf(drawn))) return drawn;
  }
  throw new Failure(
    `none of ${mostAttempts} architectures that were drawn keeps the limits: raise them, or tell the strategy of those beyond so that the strategy learns them`,
    { code: 'none-within-limits' },
  );
}
