// The times and sizes of a queue, each with its reason. docs/cluster.md has them as a table.

export const protocol = 1;

export const clusterDefaults = {
  /**
   * Seconds after which a worker that does not renew its lock is lost. With two sweeps, a child is given to another
   * worker after two minutes. An outage of the server or the network that is shorter costs nothing.
   */
  lease: 110,
  /** Losses of its worker after which a job fails: the job may be what kills them. */
  losses: 3,
  /** Seconds without work after which a worker ends. */
  idle: 600,
};

/** Milliseconds between two signs of life of a worker or a search; it also looks for news then. */
export const heartbeat = 5000;
/** Milliseconds after which a worker or a search without a sign of life is gone: six missed ones. */
export const absence = 30_000;
/** Seconds that results wait for a search that was stopped. */
export const keepSeconds = 7 * 86_400;
/**
 * Milliseconds between two checks of open jobs. Events are hints, which a slow reader may miss; states are the truth.
 */
export const reconcileEvery = 30_000;
/**
 * Milliseconds between two reports of a running job. The first waits too, so that a short job sends only its result.
 */
export const reportEvery = 500;
/** Characters of a result as JSON. A training's is about 1,000 and 200 for each epoch. */
export const largestResult = 1_000_000;
/** Events that the server keeps for each queue, about 300 bytes each. */
export const eventsKept = 10_000;

export interface LeaseTimes {
  /** Milliseconds that a lock lasts on the server's clock. */
  lock: number;
  /** Milliseconds between renewals: three may fail. */
  renew: number;
  /**
   * Milliseconds between sweeps for lost workers. The second sweep after a lock's end gives the job to another worker.
   */
  sweep: number;
}

export function leaseTimes(seconds: number): LeaseTimes {
  const lock = 1000 * seconds;
  return { lock, renew: lock / 4, sweep: Math.min(5000, lock / 4) };
}
