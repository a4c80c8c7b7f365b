// What one can ask of a running search: pause, resume, stop, more trials, a cell to try next.

import { useState } from 'preact/hooks';
import { encode } from '../../space/decisions.ts';
import { parseArchitectureText } from '../../space/parse.ts';
import { hasTrialsToCome, isPaused } from './figures.ts';
import { Card } from './parts.tsx';
import type { StudyStore } from './store.ts';

export function Control({ study }: { study: StudyStore }) {
  study.watch();
  const [said, setSaid] = useState<{ text: string; bad: boolean } | undefined>(undefined);
  const [more, setMore] = useState('20');
  const [cell, setCell] = useState('');
  const [isSure, setSure] = useState(false);
  const paused = isPaused(study);
  const isRunning = study.searched.value !== false;
  const takesTrials = isRunning && hasTrialsToCome(study);
  const ask = async (request: object, text: string) => {
    try {
      await study.source.request!(study.index, request);
      setSaid({ text, bad: false });
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  };
  const tryCell = () => {
    try {
      void ask({ action: 'try', decisions: decisionsFrom(cell, study) }, 'The cell will be the next trial.');
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  };
  return (
    <Card title="Steer the search">
      {!isRunning && (
        <p class="quiet">
          No search works on this study now. Start it again with{' '}
          <code>nasnet search --study {study.path} --dashboard --control</code>
        </p>
      )}
      <div class="controls">
        <button
          type="button"
          class="button strong"
          disabled={!isRunning}
          onClick={() =>
            ask(
              { action: paused ? 'resume' : 'pause' },
              paused ? 'Asked to go on.' : 'Asked to pause: running children go on.',
            )
          }
        >
          {paused ? 'Resume' : 'Pause'}
        </button>
        {isSure ? (
          <span class="controls" role="group" aria-label="Really stop?">
            <button
              type="button"
              class="button danger"
              onClick={() => {
                setSure(false);
                void ask({ action: 'stop' }, 'Asked to stop: all that finished is saved.');
              }}
            >
              Really stop
            </button>
            <button type="button" class="button" onClick={() => setSure(false)}>
              No
            </button>
          </span>
        ) : (
          <button type="button" class="button" disabled={!isRunning} onClick={() => setSure(true)}>
            Stop
          </button>
        )}
        <span class="controls">
          <label class="inline">
            <input
              type="number"
              min="1"
              max="1000000"
              value={more}
              onInput={(event) => setMore(event.currentTarget.value)}
              aria-label="How many more trials"
            />
            more trials
          </label>
          <button
            type="button"
            class="button"
            disabled={!takesTrials || study.settings.budget || !(Number(more) >= 1)}
            onClick={() => ask({ action: 'add', trials: Math.round(Number(more)) }, `Asked for ${more} more trials.`)}
          >
            Add
          </button>
        </span>
      </div>
      <details>
        <summary>Try a cell next</summary>
        <label class="block">
          An architecture file (as “Copy as architecture file” gives it), or decisions as numbers
          <textarea rows={4} value={cell} spellcheck={false} onInput={(event) => setCell(event.currentTarget.value)} />
        </label>
        <button type="button" class="button" disabled={!takesTrials || cell.trim() === ''} onClick={tryCell}>
          Try it next
        </button>
      </details>
      <p class={said?.bad ? 'said bad' : 'said'} role="status">
        {said?.text ?? ''}
      </p>
    </Card>
  );
}

/** @throws InputError with one sentence */
function decisionsFrom(text: string, { settings: { space } }: StudyStore): number[] {
  const numbers = text
    .trim()
    .split(/[\s,[\]]+/)
    .filter((word) => word !== '');
  if (numbers.every((word) => /^\d+$/.test(word))) return numbers.map(Number);
  return encode(parseArchitectureText(text, 'the cell'), space);
}
