import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findJpeg } from '../../scripts/setup/jpeg.mjs';
import { temporaryFolder } from '../data/temporary.ts';

const turbo = '#define LIBJPEG_TURBO_VERSION  2.1.5\n#define LIBJPEG_TURBO_VERSION_NUMBER  2001005\n';

test('libjpeg-turbo is found with its configuration next to it or in the folder of a processor', (context) => {
  const prefix = temporaryFolder(context);
  assert.equal(findJpeg([prefix]), undefined);
  mkdirSync(join(prefix, 'include', 'aarch64-linux-gnu'), { recursive: true });
  writeFileSync(join(prefix, 'include', 'jpeglib.h'), '');
  assert.equal(findJpeg([prefix]), undefined, 'a jpeglib.h without a configuration');
  writeFileSync(join(prefix, 'include', 'aarch64-linux-gnu', 'jconfig.h'), turbo);
  assert.equal(findJpeg([prefix]), undefined, 'headers without the library');
  mkdirSync(join(prefix, 'lib', 'aarch64-linux-gnu'), { recursive: true });
  writeFileSync(join(prefix, 'lib', 'aarch64-linux-gnu', 'libjpeg.so'), '');
  assert.equal(findJpeg([prefix]), '2.1.5');
  writeFileSync(join(prefix, 'include', 'jconfig.h'), '#define JPEG_LIB_VERSION 90\n');
  assert.equal(findJpeg([prefix]), undefined, 'another libjpeg');
  writeFileSync(join(prefix, 'include', 'jconfig.h'), turbo.replace('2001005', '1004002'));
  assert.equal(findJpeg([prefix]), undefined, 'too old');
});
