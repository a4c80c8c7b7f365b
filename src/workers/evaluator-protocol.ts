// Parses the lines that an evaluator command writes (docs/evaluator.md). command-worker.ts reads and writes them.

/** Increases when evaluators of the older protocol would no longer work. */
export const protocolVersion = 1;

/** An epoch of a trial's training, as the evaluator reports it. */
export interface ReportedEpoch {
  epoch: number;
  loss?: number;
  accuracy?: number;
  imagesPerSecond?: number;
  details?: unknown;
}

export type Answer =
  | { kind: 'hello'; protocol: number }
  | { kind: 'epoch'; id: number; report: ReportedEpoch }
  | { kind: 'reward'; id: number; reward: number; details?: unknown }
  | { kind: 'failure'; id: number; failure: { kind: string; message: string } }
  /** Completes "the evaluator wrote …". */
  | { kind: 'nonsense'; why: string };

const shownCharacters = 120;
const failureCharacters = 1000;
const kindCharacters = 40;

/** Returns foreign text as one line of at most `length` characters without control characters. */
export function harmless(text: string, length: number): string {
  const line = text
    .replaceAll(/\p{Cc}\[[0-9;?]*[@-~]/gu, '') // colours and cursor movements
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\s]+/gu, ' ') // line ends, other escapes, changes of direction
    .trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}

type Fields = Record<string, unknown>;

/** Parses a line of an evaluator's stdout. */
export function parseAnswer(line: string): Answer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return nonsense(line, `one JSON object a line on stdout${hintOf(line)}`);
  }
  if (!isFields(value)) return nonsense(line, 'a JSON object');
  if ('hello' in value) return helloOf(value.hello, line);
  const { id } = value;
  if (!isCount(id)) return nonsense(line, 'the "id" of a request');
  const kinds = ['epoch', 'reward', 'failure'].filter((kind) => value[kind] !== undefined);
  if (kinds.length !== 1) return nonsense(line, 'one of "epoch", "reward" and "failure" next to the "id"');
  if (kinds[0] === 'epoch') return epochOf(id, value.epoch, line);
  if (kinds[0] === 'failure') return failureOf(id, value.failure, line);
  const { reward, details } = value;
  if (!isNumber(reward)) return nonsense(line, 'a number as "reward"');
  return { kind: 'reward', id, reward, ...(details !== undefined && { details }) };
}

function helloOf(hello: unknown, line: string): Answer {
  if (!isFields(hello) || !isCount(hello.protocol))
    return nonsense(line, `{"hello": {"protocol": ${protocolVersion}}}`);
  return { kind: 'hello', protocol: hello.protocol };
}

function epochOf(id: number, epoch: unknown, line: string): Answer {
  if (!isFields(epoch)) return nonsense(line, 'an object as "epoch"');
  if (!isCount(epoch.epoch) || epoch.epoch === 0) return nonsense(line, 'epoch.epoch as a whole number of at least 1');
  const report: ReportedEpoch = { epoch: epoch.epoch };
  for (const name of ['loss', 'accuracy', 'imagesPerSecond'] as const) {
    const value = epoch[name];
    if (value === undefined || value === null) continue;
    if (!isNumber(value)) return nonsense(line, `epoch.${name} as a number`);
    report[name] = value;
  }
  if (epoch.details !== undefined) report.details = epoch.details;
  return { kind: 'epoch', id, report };
}

function failureOf(id: number, failure: unknown, line: string): Answer {
  if (!isFields(failure) || typeof failure.message !== 'string' || failure.message.trim() === '')
    return nonsense(line, '{"message": "why"} as "failure"');
  const { kind = 'error', message } = failure;
  if (typeof kind !== 'string' || kind.trim() === '') return nonsense(line, 'a string as failure.kind');
  return {
    kind: 'failure',
    id,
    failure: { kind: harmless(kind, kindCharacters), message: harmless(message, failureCharacters) },
  };
}

/** Returns the reason to refuse a line: "a line that is no answer: expected …, got …". */
export function nonsense(line: string, expected: string): Answer & { kind: 'nonsense' } {
  return { kind: 'nonsense', why: `a line that is no answer: expected ${expected}, got ${shown(line)}` };
}

const shown = (line: string) => `"${harmless(line, shownCharacters)}"`;

/** Returns the most common reason why a line is not JSON. */
function hintOf(line: string): string {
  if (/^\s*\{/.test(line) && /\b(NaN|Infinity)\b/.test(line)) return ' (JSON has no NaN and no Infinity)';
  return /^\s*[{[]/.test(line) ? '' : ' (other output belongs on stderr)';
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
