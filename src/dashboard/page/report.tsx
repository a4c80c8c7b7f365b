// The page of `nasnet report`: its answers are in the file itself.

import { render } from 'preact';
import type { Answer, Question } from '../answers.ts';
import { questionKey } from '../question-key.ts';
import type { StoredAnswers } from '../report-page.ts';
import { embedded } from './embedded.ts';
import { show } from './show.tsx';
import type { Parameters, Source } from './source.ts';
import { Trouble } from './trouble.tsx';

const place = document.getElementById('page')!;

async function start(): Promise<void> {
  const { name, path, answers } = JSON.parse(new TextDecoder().decode(await embedded('study'))) as StoredAnswers;
  const columns = await embedded('columns');
  const source: Source = {
    kind: 'report',
    studies: [{ name, path, searched: false }],
    control: false,
    async ask<Name extends Question>(study: number, question: Name, parameters?: Parameters) {
      const kept = answers[questionKey(study, question, parameters)];
      if (!kept) throw new Error('this is not in the report');
      return ('json' in kept ? kept.json : columns.slice(kept.from, kept.to)) as Answer<Name>;
    },
  };
  await show(source, place);
}

start().catch((error: unknown) => {
  place.replaceChildren();
  render(<Trouble title="The report cannot be shown" sentence={(error as Error).message} />, place);
});
