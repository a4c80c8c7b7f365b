// libjpeg-turbo's development files: with them the addon decodes JPEG itself, several times as fast as sharp, which
// stays for all else. They are used where they are and never required.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The source that needs them; left out where they are missing. */
export const jpegSource = join('pictures', 'jpeg.cpp');

const oldest = 1_005_000; // 1.5.0, the first with jpeg_crop_scanline and jpeg_skip_scanlines

/**
 * The version of libjpeg-turbo in a folder that compilers search by themselves; undefined where there is none, or
 * another libjpeg.
 * @param {string[]} [prefixes] for tests
 */
export function findJpeg(prefixes = ['/usr/local', '/usr']) {
  for (const prefix of prefixes) {
    const include = join(prefix, 'include');
    if (!existsSync(join(include, 'jpeglib.h'))) continue;
    const configuration = [include, ...targetFolders(include)]
      .map((folder) => join(folder, 'jconfig.h'))
      .find((path) => existsSync(path));
    const text = configuration ? readFileSync(configuration, 'utf8') : '';
    const version = text.match(/#define\s+LIBJPEG_TURBO_VERSION\s+(\S+)/)?.[1];
    const number = Number(text.match(/#define\s+LIBJPEG_TURBO_VERSION_NUMBER\s+(\d+)/)?.[1] ?? 0);
    return number >= oldest && hasLibrary(prefix) ? version : undefined; // a compiler takes the first one, too
  }
  return undefined;
}

/** @param {string} prefix */
function hasLibrary(prefix) {
  const folders = ['lib', 'lib64'].map((name) => join(prefix, name)).filter((folder) => existsSync(folder));
  return [...folders, ...folders.flatMap(targetFolders)].some((folder) =>
    ['libjpeg.so', 'libjpeg.dylib'].some((name) => existsSync(join(folder, name))),
  );
}

/** Debian's folders of a processor: x86_64-linux-gnu. @param {string} folder */
function targetFolders(folder) {
  return readdirSync(folder)
    .filter((name) => /-linux-gnu\w*$/.test(name))
    .map((name) => join(folder, name));
}
