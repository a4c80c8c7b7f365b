// The viewer: a study that is dropped on the page is read in the browser, by SQLite's WebAssembly in a worker. The same
// script runs in both.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Answer, Question } from '../answers.ts';
import { embedded, unpacked } from './embedded.ts';
import { show } from './show.tsx';
import type { Parameters, Source } from './source.ts';
import { type FromReader, openedName, readStudies, type ToReader } from './study-reader.ts';

/** Where a browser's memory ends: the study is held there as a whole. */
const mostBytes = 1.5e9;

if (typeof document === 'undefined') readStudies();
else render(<Drop />, document.getElementById('page')!);

const ownScript = typeof document === 'undefined' ? '' : (document.currentScript?.textContent ?? '');

function Drop() {
  const [said, setSaid] = useState<{ text: string; bad: boolean } | undefined>(undefined);
  const [isOver, setOver] = useState(false);
  const open = async (files: readonly File[]) => {
    try {
      setSaid({ text: 'Reading the study …', bad: false });
      await show(await viewerSource(files), document.getElementById('page')!);
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  };
  useEffect(() => {
    const over = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      void open([...(event.dataTransfer?.files ?? [])]);
    };
    const leave = () => setOver(false);
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    addEventListener('dragleave', leave);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
      removeEventListener('dragleave', leave);
    };
  }, []);
  return (
    <main class={isOver ? 'drop over-it' : 'drop'}>
      <h1>Drop a study here</h1>
      <p class="quiet">
        A file such as <code>runs/laptop/study.db</code>, packed with gzip or not; several to compare them. It is read
        in this browser and goes nowhere.
      </p>
      <label class="button strong">
        Choose a file
        <input
          type="file"
          class="sr"
          multiple
          accept=".db,.gz,.sqlite"
          onChange={(event) => void open([...(event.currentTarget.files ?? [])])}
        />
      </label>
      <p class={said?.bad ? 'said bad' : 'said'} role="status">
        {said?.text ?? ''}
      </p>
    </main>
  );
}

async function viewerSource(files: readonly File[]): Promise<Source> {
  const logs = files.filter(({ name }) => /-(wal|shm|lock)$/.test(name));
  const studies = files.filter((file) => !logs.includes(file));
  if (studies.length === 0)
    throw new Error('Expected a study (a file with .db at the end), got only files beside one.');
  const sqlite = await embedded('sqlite');
  const readers = await Promise.all(studies.map(async (file) => openReader(await bytesOf(file), sqlite, file.name)));
  return {
    kind: 'viewer',
    studies: studies.map(({ name }) => ({ name: openedName(name), path: name, searched: false })),
    control: false,
    ask: (study, question, parameters) => readers[study]!.ask(question, parameters),
  };
}

async function bytesOf(file: File): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > mostBytes)
    throw new Error(
      `${file.name} has ${(file.size / 1e9).toFixed(1)} GB, more than a browser can hold: nasnet dashboard shows it.`,
    );
  const bytes = new Uint8Array(await file.arrayBuffer());
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? unpacked(bytes) : bytes;
}

/** A worker that has one study open. */
async function openReader(bytes: Uint8Array<ArrayBuffer>, sqlite: Uint8Array, name: string) {
  const worker = new Worker(URL.createObjectURL(new Blob([ownScript], { type: 'text/javascript' })));
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  let next = 0;
  worker.onmessage = ({ data }: MessageEvent<FromReader>) => {
    const asked = waiting.get(data.id)!;
    waiting.delete(data.id);
    if ('failure' in data) asked.reject(new Error(data.failure));
    else asked.resolve(data.answer);
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message || 'The browser did not start the reader.'));
    waiting.clear();
  };
  const send = (message: ToReader, moved: Transferable[] = []) =>
    new Promise<unknown>((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...message, id }, moved);
    });
  await send({ open: bytes, sqlite, name }, [bytes.buffer]);
  return {
    ask: <Name extends Question>(question: Name, parameters: Parameters = {}) =>
      send({
        question,
        parameters: Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, String(value)])),
      }) as Promise<Answer<Name>>,
  };
}
