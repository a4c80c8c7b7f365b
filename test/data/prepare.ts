// Prepares a folder of images in a process of its own, for the tests of several at once: node prepare.ts FOLDER CACHE.

import { prepareImageFolder } from '../../src/data/image-folder.ts';

const [folder, cache] = process.argv.slice(2);
let tasks = '';
const onProgress = ({ task }: { task: string }) => {
  if (!tasks.endsWith(task)) tasks += ` ${task}`;
};
const files = await prepareImageFolder(folder!, { size: 16, cache: cache!, onProgress });
process.stdout.write(JSON.stringify({ files, tasks: tasks.trim() }));
