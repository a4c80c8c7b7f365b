// The page of `nasnet dashboard`: asks the server, follows its stream.

import { render } from 'preact';
import { liveSource, NoToken } from './live-source.ts';
import { show } from './show.tsx';
import { Trouble } from './trouble.tsx';

const place = document.getElementById('page')!;

async function start(): Promise<void> {
  const source = await liveSource();
  if (!location.hash.startsWith('#/')) history.replaceState(null, '', '#/now');
  await show(source, place);
}

start().catch((error: unknown) => {
  const isUnknown = error instanceof NoToken;
  const sentence = isUnknown
    ? 'This page needs the whole address that nasnet printed, with what follows the # sign.'
    : (error as Error).message;
  place.replaceChildren();
  render(<Trouble title={isUnknown ? 'Who are you?' : 'The study cannot be shown'} sentence={sentence} />, place);
});
