// Export on a machine without onnxruntime-node.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportOnnx } from '../../../src/export/onnx/export-onnx.ts';
import { openSession } from '../../../src/export/onnx/session.ts';
import { Failure } from '../../../src/failure.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { example } from './networks.ts';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'onnxruntime-node') throw new Error(`Cannot find package '${specifier}'\nand more`);
    return next(specifier, context);
  },
});

const sentence =
  'onnxruntime-node, which runs ONNX files, could not be loaded ' +
  "(Cannot find package 'onnxruntime-node'): install it with `npm install --ignore-scripts onnxruntime-node`";

test('without onnxruntime the export says how to install it, and writes only if it need not verify', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'model.onnx');
  const { network, description } = example(nasnetA, { cells: 0, filters: 2, input: 8, classes: 3 }, 1);
  await assert.rejects(openSession(path), new Failure(sentence));
  const expected = new Failure(`${sentence}, or export without verification`, { code: 'runtime-missing' });
  await assert.rejects(exportOnnx(path, network, description), expected);
  assert.ok(!existsSync(path));
  const { bytes } = await exportOnnx(path, network, description, { verify: false });
  assert.equal(statSync(path).size, bytes);
});
