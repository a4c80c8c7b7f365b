// The page of `nasnet dashboard`: asks the server, follows its stream.

import { render } from 'preact';
import { App, link } from './app.tsx';
import { liveSource, NoToken } from './live-source.ts';
import type { Source } from './source.ts';
import { StudyStore } from './store.ts';
import { Trouble } from './trouble.tsx';

const place = document.getElementById('page')!;

async function start(): Promise<void> {
  const source = await liveSource();
  if (!location.hash.startsWith('#/')) history.replaceState(null, '', '#/now');
  await show(source);
}

async function show(source: Source): Promise<void> {
  const studies = source.studies.map((study, index) => new StudyStore(source, index, study));
  await Promise.all(studies.map((study) => study.open()));
  place.replaceChildren();
  render(<App studies={studies} />, place);
  performance.mark('first-picture');
  source.follow?.(
    () => studies.map(({ sequence }) => sequence),
    (message) => studies[message.study]?.receive(message),
    (up) => {
      link.value = up;
    },
  );
  for (const study of studies) await study.complete();
  performance.mark('complete');
}

start().catch((error: unknown) => {
  const isUnknown = error instanceof NoToken;
  const sentence = isUnknown ? 'This page needs the whole address that nasnet printed, with what follows the # sign.' : (error as Error).message;
  place.replaceChildren();
  render(<Trouble title={isUnknown ? 'Who are you?' : 'The study cannot be shown'} sentence={sentence} />, place);
});
