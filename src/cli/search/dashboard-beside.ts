// `nasnet search --dashboard`: shows the study while it is searched.

import { InputError } from '../../failure.ts';
import type { SearchFlags } from './flags.ts';

/** Starts the dashboard if the flags ask for it, and tells its address. @throws InputError for --control alone */
export async function dashboardBeside(
  study: string,
  { dashboard, control }: SearchFlags,
  note: (line: string) => void,
): Promise<Disposable | undefined> {
  if (!dashboard) {
    if (control) throw new InputError('--control: expected --dashboard with it');
    return undefined;
  }
  const { startDashboard } = await import('../../dashboard/server/start-dashboard.ts'); // not loaded by other searches
  const started = await startDashboard({ studies: [study], control });
  note(`Dashboard: ${started.url}`);
  return started;
}
