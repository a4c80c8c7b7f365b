// The names of what lies on the server beside BullMQ's own queues, which have the same prefix.

import { serverPrefix } from '../store/redis-connection.ts';

const key = (...parts: string[]) => [serverPrefix, ...parts].join(':');

export const keys = {
  /** Set of the ids of searches. */
  searches: key('searches'),
  /** A SearchCard. */
  search: (id: string) => key('search', id),
  /** The process that runs a search. It ends when that gives no sign of life. */
  owner: (id: string) => key('owner', id),
  /** Set of the ids of workers. */
  workers: key('workers'),
  /** A WorkerCard. It ends when the worker gives no sign of life. */
  worker: (id: string) => key('worker', id),
  /** Exists when a worker is asked to take nothing more: by its id, or by its host for all of them there. */
  drain: (idOrHost: string) => key('drain', idOrHost),
  /** Exists when a search is asked to stop. */
  cancelled: (search: string) => key('cancelled', search),
  /** A setup of a search. */
  setup: (search: string, identity: string) => key('setup', search, identity),
  /** Set of the identities of a search's setups. */
  setups: (search: string) => key('setups', search),
  /** Set of the ids of jobs in a lane that a worker should abort. */
  aborted: (lane: string) => key('aborted', lane),
  /** A result that came after its worker had lost the job. */
  late: (lane: string, job: string) => key('late', lane, job),
  /** The description of a dataset, by content. */
  dataset: (content: string) => key('dataset', content),
  /** Exists while a worker lacks the images of a dataset, which its search then puts into the store. */
  wanted: (content: string) => key('wanted', content),
};
