// The dashboard of `nasnet search --dashboard`: a process of its own, so that no page takes time from the search. It
// ends with the search.

import { type DashboardOptions, serveDashboard } from './server.ts';

export type FromChild = { url: string } | { failure: string };

process.on('SIGINT', () => {}); // Ctrl-C is the search's, which ends this process
process.once('message', async (options: DashboardOptions) => {
  try {
    const { url } = await serveDashboard(options);
    process.send!({ url } satisfies FromChild);
  } catch (error) {
    process.send!({ failure: (error as Error).message } satisfies FromChild);
  }
});
process.on('disconnect', () => process.exit());
