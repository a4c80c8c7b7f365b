import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childOf, childrenOf, parseXml, xmlText } from '../../src/detection-data/xml.ts';

test('elements have their text, children and lines', () => {
  const root = parseXml(
    '\ufeff<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]>\n<!-- a > b -->\n<annotation verified="yes>no">\n<Object><name> cat </name></Object>\n<object/><size></size>\n</annotation>\n',
  );
  assert.equal(root.name, 'annotation');
  assert.deepEqual(
    childrenOf(root, 'object').map(({ line }) => line),
    [5, 6],
  );
  assert.equal(childOf(childOf(root, 'object')!, 'name')!.text, 'cat');
  assert.equal(childOf(root, 'size')!.text, '');
});

test('entities, characters by number and CDATA are text, and written text is read back', () => {
  assert.equal(parseXml('<a>&lt;b&gt; &amp; &#65;&#x42; <![CDATA[<c>]]></a>').text, '<b> & AB <c>');
  const name = `it's "a" <b> & c`;
  assert.equal(parseXml(`<a>${xmlText(name)}</a>`).text, name);
});

test('what is no XML is refused with its line', () => {
  const refused: [string, RegExp][] = [
    ['<a>\n<b>\n</a>', /^line 3: expected <\/b>, got "<\/a>"/],
    ['<a>\n', /^line 2: expected <\/a>, got the end of the file/],
    ['', /^line 1: expected an element/],
    ['cat', /^line 1: expected an element, got "cat"/],
    ['<a></a>\n<b></b>', /^line 2: expected an end of the file/],
    ['<a>\nx < y</a>', /^line 2: expected an element, got "<"/],
    ['<a>\nsalt & pepper</a>', /^line 1: expected &amp; for &/],
    ['<a>&bomb;</a>', /expected &amp; for &/],
    [`${'<a>'.repeat(100)}${'</a>'.repeat(100)}`, /expected at most 50 elements/],
  ];
  for (const [text, message] of refused) assert.throws(() => parseXml(text), { message });
});
