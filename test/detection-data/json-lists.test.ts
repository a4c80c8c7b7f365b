import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readJsonLists } from '../../src/detection-data/json-lists.ts';
import { InputError } from '../../src/failure.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { writeText } from './made.ts';

const document = {
  info: { year: 2017, notes: ['a ] in a list', { deep: '}"' }] },
  images: [
    { id: 1, name: 'a\\"]},[{é漢😀' },
    { id: 2, name: '' },
  ],
  none: [],
  count: 12.5e3,
  truth: null,
  numbers: [1, -2.5, true, null, 'text', [1, [2]], {}],
  annotations: Array.from({ length: 50 }, (_, id) => ({ id, box: [id, 0.1, 2, 3], text: `line\n${'x'.repeat(id)}` })),
};

/** Reads a file and puts its parts together again. */
function collect(path: string, bytesAtOnce?: number): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const part of readJsonLists(path, 'a test', bytesAtOnce)) {
    if (part.kind === 'entry') whole[part.key] = part.value;
    else {
      whole[part.list] ??= [];
      const list = whole[part.list] as unknown[];
      assert.equal(part.first, list.length);
      list.push(...part.elements);
    }
  }
  return whole;
}

for (const spaces of [0, 1, 4]) {
  test(`a file with ${spaces} spaces is what JSON.parse reads, however its bytes are cut`, (context) => {
    const path = writeText(join(temporaryFolder(context), 'a.json'), JSON.stringify(document, null, spaces));
    for (const bytes of [1, 2, 3, 7, 64, 1000, undefined]) assert.deepEqual(collect(path, bytes), document);
  });
}

test('lists at the top level, empty ones, a byte order mark and lines of Windows are read', (context) => {
  const folder = temporaryFolder(context);
  const read = (text: string) => collect(writeText(join(folder, 'a.json'), text), 5);
  assert.deepEqual(read('[{"a":1},{"a":2}]'), { '': [{ a: 1 }, { a: 2 }] });
  assert.deepEqual(read('\ufeff [ ]\r\n'), { '': [] });
  assert.deepEqual(read('{}'), {});
  assert.deepEqual(read('{\r\n"a": [1 ,\r\n2\r\n]\r\n}'), { a: [1, 2] });
});

test('more than a batch of elements comes in several parts', (context) => {
  const values = Array.from({ length: 20_000 }, (_, id) => ({ id, text: 'some text of an annotation' }));
  const path = writeText(join(temporaryFolder(context), 'a.json'), JSON.stringify({ values }));
  const parts = [...readJsonLists(path, 'a test')];
  assert.ok(parts.length > 2);
  assert.deepEqual(collect(path), { values });
});

test('what is no JSON is refused with its line', (context) => {
  const folder = temporaryFolder(context);
  const refused = (text: string, message: RegExp) => {
    const path = writeText(join(folder, 'a.json'), text);
    for (const bytes of [1, 1000])
      assert.throws(
        () => collect(path, bytes),
        (error: Error) => error instanceof InputError && message.test(error.message),
        text,
      );
  };
  refused('{"a": [{"b": 1},\n{"b": NaN}]}', /a\.json, line 2: expected JSON, got .*NaN/);
  refused('{"a": [{"b": 1},\n{"b": 2}', /a\.json, line 2: .*got an end in the middle/);
  refused('{"a": [{"b": 1},\n{"b": 2', /line 2: .*got an end in the middle/);
  refused('{"a": [1, 2,\n]}', /line 2: .*got "\]/);
  refused('{"a": [1 2]}', /line 1/);
  refused('{"a": 1 "b": 2}', /line 1/);
  refused('{"a": [1]}\n}', /line 2/);
  refused('{1: 2}', /line 1/);
  refused('', /line 1: .*got an end in the middle/);
  refused('hello', /line 1/);
  refused("{'a': 1}", /line 1/);
});

test('what is no file is refused', (context) => {
  const folder = temporaryFolder(context);
  assert.throws(() => collect(folder), /expected a test, got a folder/);
  assert.throws(() => collect(join(folder, 'none.json')), /expected a test, got no such file/);
});
