// PyTorch's files are read as data: tensors are as torch.save wrote them, and nothing that a pickle refers to is run.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { liveTensors, scope } from '../../src/engine/memory.ts';
import { InputError } from '../../src/failure.ts';
import { openWeightFile } from '../../src/import/weight-file.ts';
import { collect } from '../engine/garbage.ts';
import { temporaryFolder } from './peer.ts';
import { legacyFile, zipFile } from './torch-saved.ts';

const folder = temporaryFolder();

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function refused(path: string, sentence: string | RegExp): Promise<void> {
  await collect(); // garbage of earlier tests
  const before = liveTensors();
  await assert.rejects(openWeightFile(path), (error: Error) => {
    assert.ok(error instanceof InputError, error.stack);
    if (typeof sentence === 'string') assert.equal(error.message, `${path}: ${sentence}`);
    else assert.match(error.message, sentence);
    return true;
  });
  assert.equal(liveTensors(), before);
}

for (const [format, bytes] of [
  ['zip', zipFile],
  ['legacy', legacyFile],
] as const) {
  test(`the tensors of a ${format} checkpoint are as PyTorch saved them, including views`, async () => {
    const file = await openWeightFile(write(`${format}.pth`, bytes));
    const tensors = [...file.tensors].map(([name, { shape, read }]) => {
      return scope(() => {
        const tensor = read();
        assert.deepEqual(tensor.shape, shape);
        return [name, tensor.dtype, shape, [...tensor.toArray()]];
      });
    });
    assert.deepEqual(tensors, [
      ['transposed', 'float32', [3, 2], [0, 3, 1, 4, 2, 5]],
      ['sliced', 'float64', [2], [3, 4]],
      ['half', 'float16', [2], [0.5, -2]],
      ['counter', 'int64', [], [7]],
      ['parameter', 'float32', [1, 1], [1.5]],
      ['old', 'float32', [2], [8, 7]],
    ]);
    assert.deepEqual(file.others, ['epoch', 'loss', 'optimizer']);
    file.close();
  });

  test(`a ${format} file that is truncated anywhere is refused in one sentence`, async () => {
    for (let length = 1; length < bytes.length; length += 37) {
      await refused(write('broken.pth', bytes.subarray(0, length)), /^\S+: .*(truncated|damaged|another kind)/);
    }
  });
}

/** Returns an archive of uncompressed members, as PyTorch writes them, without checksums. */
function zipOf(members: Record<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(members)) {
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50);
    header.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt32LE(bytes.length, 20);
    entry.writeUInt32LE(bytes.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, Buffer.from(name));
    parts.push(header, Buffer.from(name), bytes);
    offset += 30 + name.length + bytes.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(Object.keys(members).length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const pickle = (...parts: (string | number[])[]) =>
  Buffer.concat([
    Buffer.from([0x80, 2]),
    ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  ]);
const text = (word: string): number[] => [0x58, word.length, 0, 0, 0, ...Buffer.from(word)];
const witness = join(folder, 'it-ran');
const command = text(`touch ${witness}`);

for (const [name, bytes] of [
  ['os.system', pickle('cos\nsystem\n', command, [0x85], 'R.')],
  ['posix.system', pickle(text('posix'), text('system'), [0x93], command, [0x85], 'R.')],
  ['builtins.eval', pickle('cbuiltins\neval\n', text('1'), [0x85], 'R.')],
  ['torch._utils.__import__', pickle('ctorch._utils\n__import__\n', text('os'), [0x85], 'R.')],
  ['__proto__.constructor', pickle('c__proto__\nconstructor\n', text('1'), [0x85], 'R.')],
] as const) {
  test(`a pickle that refers to ${name} is refused by name, and nothing runs`, async () => {
    const sentence = `expected a pickled state dict, got one that refers to ${name}, which is not run: save only model.state_dict()`;
    await refused(write('evil.pth', bytes), sentence);
    await refused(write('evil-zip.pth', zipOf({ 'archive/data.pkl': bytes })), sentence);
    assert.ok(!existsSync(witness));
  });
}

for (const [what, bytes] of [
  ['INST', pickle('(', command, 'ios\nsystem\n.')],
  ['NEWOBJ', pickle('ccollections\nOrderedDict\n)', [0x81], '.')],
  ['a call of a string', pickle(text('os.system'), command, [0x85], 'R.')],
  ['a call of a storage type', pickle('ctorch\nFloatStorage\n', command, [0x85], 'R.')],
  ['attributes of a list', pickle(']}b.')],
  ['a stored module', pickle('(', text('module'), text('a'), text('b'), text('c'), 'tQ.')],
  [
    'a tensor beyond its storage',
    pickle(
      'ctorch._utils\n_rebuild_tensor\n((',
      text('storage'),
      'ctorch\nFloatStorage\n',
      text('0'),
      text('cpu'),
      'K\x02tQK\x00K\x03\x85K\x01\x85tR.',
    ),
  ],
  [
    'a negative stride',
    pickle(
      'ctorch._utils\n_rebuild_tensor\n((',
      text('storage'),
      'ctorch\nFloatStorage\n',
      text('0'),
      text('cpu'),
      'K\x02tQK\x01K\x02\x85J\xff\xff\xff\xff\x85tR.',
    ),
  ],
  ['an empty stack', pickle('.')],
  ['a missing memory', pickle('h\x05.')],
] as const) {
  test(`a pickle with ${what} is refused`, async () => {
    await refused(write('odd.pth', zipOf({ 'archive/data.pkl': bytes })), /^\S+: expected a pickled state dict, got /);
    assert.ok(!existsSync(witness));
  });
}

test('a pickle without tensors, another pickle and other archives have different messages', async () => {
  await refused(
    write('empty.pth', zipOf({ 'archive/data.pkl': pickle('}.') })),
    'expected a state dict (tensors by name), got no tensor by name',
  );
  await refused(write('list.pth', pickle(']', '.')), 'expected a file that torch.save wrote, got another pickle');
  await refused(
    write('other.zip', zipOf({ 'a.txt': Buffer.from('a') })),
    'expected a PyTorch archive with a data.pkl, got another zip archive',
  );
  await refused(
    write('model.keras', zipOf({ 'config.json': Buffer.from('{}'), 'model.weights.h5': Buffer.from('') })),
    /got a \.keras archive/,
  );
  const big = zipOf({ 'a/data.pkl': pickle('}.'), 'a/byteorder': Buffer.from('big') });
  await refused(write('big.pth', big), 'expected little-endian numbers, got a file that a big-endian machine wrote');
});

test("the messages for a storage's missing or shortened elements name the storage", async () => {
  const rebuilt = pickle(
    '}',
    text('w'),
    'ctorch._utils\n_rebuild_tensor\n((',
    text('storage'),
    'ctorch\nFloatStorage\n',
    text('0'),
    text('cpu'),
    'K\x02tQK\x00K\x02\x85K\x01\x85tRs.',
  );
  await refused(write('none.pth', zipOf({ 'a/data.pkl': rebuilt })), 'data/0: expected 8 bytes, got none');
  await refused(
    write('short.pth', zipOf({ 'a/data.pkl': rebuilt, 'a/data/0': Buffer.alloc(4) })),
    'data/0: expected 8 bytes, got 4 bytes',
  );
  const file = await openWeightFile(
    write('right.pth', zipOf({ 'a/data.pkl': rebuilt, 'a/data/0': Buffer.from(new Float32Array([1, 2]).buffer) })),
  );
  assert.deepEqual([...file.tensors.get('w')!.read().toArray()], [1, 2]);
  file.close();
});
