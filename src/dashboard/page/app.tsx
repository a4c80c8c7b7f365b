// The frame of the page: studies, views, the state of the search. Views get a study and draw it.

import { signal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { armNames } from '../../search/arms-strategy.ts';
import { countsOf, statusOf, targetOf } from './figures.ts';
import { rewardWords } from './page-words.ts';
import { hrefOf, route } from './route.ts';
import type { StudyStore } from './store.ts';
import { CellsView } from './views/cells.tsx';
import { CompareView } from './views/compare.tsx';
import { ControllerView } from './views/controller.tsx';
import { FinalView } from './views/final.tsx';
import { LadderView } from './views/ladder.tsx';
import { NowView } from './views/now.tsx';
import { PredictionView } from './views/prediction.tsx';
import { RewardsView } from './views/rewards.tsx';
import { TradeOffsView } from './views/trade-offs.tsx';

/** Whether the server is heard. */
export const link = signal(true);

const views: { name: string; title: string; icon: string; view: FunctionComponent<{ study: StudyStore }> }[] = [
  { name: 'now', title: 'Now', icon: 'M3 12h4l3-8 4 16 3-8h4', view: NowView },
  { name: 'rewards', title: 'Rewards', icon: 'M4 20V4M4 20h16M8 15l4-4 3 2 5-7', view: RewardsView },
  { name: 'cells', title: 'Cells', icon: 'M12 4v5M12 9L6 15M12 9l6 6M6 15v4M18 15v4M9 4h6', view: CellsView },
  {
    name: 'controller',
    title: 'Controller',
    icon: 'M4 4h5v5H4zM15 4h5v5h-5zM4 15h5v5H4zM15 15h5v5h-5z',
    view: ControllerView,
  },
  { name: 'trade-offs', title: 'Trade-offs', icon: 'M4 4v16h16M6 8c2 6 6 9 13 10', view: TradeOffsView },
  { name: 'ladder', title: 'Ladder', icon: 'M8 3v18M16 3v18M8 8h8M8 13h8M8 18h8', view: LadderView },
  { name: 'prediction', title: 'Prediction', icon: 'M12 3a9 9 0 1 0 9 9M12 7v5l3 3', view: PredictionView },
  { name: 'compare', title: 'Compare', icon: 'M4 18c4 0 6-10 10-10s4 4 6 4M4 12c4 0 6-6 10-6', view: () => null },
  {
    name: 'final',
    title: 'Final network',
    icon: 'M12 3l2.6 5.6 6 .7-4.5 4.1 1.2 6L12 16.4 6.7 19.4l1.2-6L3.4 9.3l6-.7z',
    view: FinalView,
  },
];

export function App({ studies }: { studies: readonly StudyStore[] }) {
  const { view: name, study: index } = route.value;
  const study = studies[index] ?? studies[0]!;
  const view = views.find((each) => each.name === name) ?? views[0]!;
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  study.watch();
  useEffect(() => {
    document.title = titleOf(study);
  });
  useEffect(() => {
    if (!first.current) heading.current?.focus();
    first.current = false;
    scrollTo(0, 0);
  }, [view.name, index]);
  const Shown = view.view;
  return (
    <>
      <button type="button" class="skip" onClick={() => heading.current?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href={hrefOf('now')}>
          <Mark />
          nasnet
        </a>
        <nav aria-label="Views">
          <ul>
            {views.map(({ name: each, title, icon }) => (
              <li key={each}>
                <a href={hrefOf(each)} aria-current={each === view.name ? 'page' : undefined}>
                  <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
                    <path
                      d={icon}
                      fill="none"
                      stroke="currentColor"
                      stroke-width="1.8"
                      stroke-linecap="round"
                      stroke-linejoin="round"
                    />
                  </svg>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <StudyChoice studies={studies} study={study} />
      </header>
      <main id="view">
        <div class="heading">
          <h1 ref={heading} tabIndex={-1}>
            {view.title}
          </h1>
          <Status study={study} />
        </div>
        <Banner study={study} />
        {view.name === 'compare' ? (
          <CompareView studies={studies} />
        ) : (
          <Shown study={study} key={`${view.name} ${study.index}`} />
        )}
      </main>
    </>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="mark" />
      <g stroke="#fff" stroke-width="2.4" fill="none">
        <path d="M9 23V17a4 4 0 0 1 4-4h6a4 4 0 0 0 4-4M23 23v-6" />
      </g>
      <g fill="#fff">
        <circle cx="9" cy="24" r="3" />
        <circle cx="23" cy="24" r="3" />
        <circle cx="23" cy="8" r="3" />
      </g>
    </svg>
  );
}

function StudyChoice({ studies, study }: { studies: readonly StudyStore[]; study: StudyStore }) {
  study.watch();
  if (studies.length < 2)
    return (
      <p class="study-name" title={study.path}>
        {study.name}
      </p>
    );
  return (
    <label class="study-choice">
      <span class="sr">Study</span>
      <select
        value={study.index}
        onChange={(event) => {
          location.hash = hrefOf(route.value.view, {}, Number(event.currentTarget.value));
        }}
      >
        {studies.map(({ index, name, path }) => (
          <option key={index} value={index} title={path}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Status({ study }: { study: StudyStore }) {
  study.watch();
  const { word, tone, sentence } = statusOf(study);
  const { strategy, dataset, space, seed } = study.settings;
  const parts = [
    strategyWords(strategy),
    typeof space === 'string' ? `space ${space.toUpperCase()}` : (space.name ?? 'custom space'),
    study.settings.evaluator ? 'external evaluator' : dataset,
    `seed ${seed}`,
  ];
  return (
    <p class="status">
      <span class={`pill ${tone}`} title={sentence}>
        <i aria-hidden="true" />
        {word}
      </span>
      <span class="quiet">{parts.filter((part) => part !== '').join(' · ')}</span>
    </p>
  );
}

/** Returns "ppo ×2, random ×2" for "ppo,ppo,random,random". */
function strategyWords(strategy: string): string {
  const names = armNames(strategy);
  const counts = [...new Set(names)].map((name): [string, number] => [
    name,
    names.filter((each) => each === name).length,
  ]);
  return counts.map(([name, count]) => (count > 1 ? `${name} ×${count}` : name)).join(', ');
}

function Banner({ study }: { study: StudyStore }) {
  study.watch();
  const trouble = study.trouble.value;
  if (trouble !== undefined)
    return (
      <p class="banner bad" role="alert">
        {trouble}
      </p>
    );
  if (!link.value)
    return (
      <p class="banner" role="alert">
        The dashboard does not answer; this page shows what it knew and tries again.
      </p>
    );
  return null;
}

function titleOf(study: StudyStore): string {
  const counts = countsOf(study);
  let best = Number.NEGATIVE_INFINITY;
  for (let trial = 0; trial < study.count; trial++) if (study.reward[trial]! > best) best = study.reward[trial]!;
  const progress = study.searched.value ? `${counts.done + counts.failed}/${targetOf(study)} ` : '';
  return `${progress}${best > Number.NEGATIVE_INFINITY ? `${rewardWords(best)} ` : ''}${study.name} – nasnet`;
}
