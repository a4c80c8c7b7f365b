// Shows the studies of a source, whichever it is: the first picture as soon as there is enough for one.

import { render } from 'preact';
import { App, link } from './app.tsx';
import type { Source } from './source.ts';
import { StudyStore } from './store.ts';

export async function show(source: Source, place: HTMLElement): Promise<void> {
  const studies = source.studies.map((study, index) => new StudyStore(source, index, study));
  await Promise.all(studies.map((study) => study.open()));
  place.replaceChildren();
  render(<App studies={studies} />, place);
  place.dataset.shows = 'rewards';
  performance.mark('first-picture');
  source.follow?.(
    () => studies.map(({ sequence }) => sequence),
    (message) => studies[message.study]?.receive(message),
    (up) => {
      link.value = up;
    },
  );
  for (const study of studies) await study.complete();
  place.dataset.shows = 'all'; // for those who look at it by a program
  performance.mark('complete');
}
