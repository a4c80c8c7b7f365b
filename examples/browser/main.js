// The page: takes pictures and models from drops, pastes, choices and examples. Shows the five most probable classes of a
// classifier; objects.js shows what a detector found.

import { decode, fromMinusOne, normalise, place, prepare } from './image.js';
import { openModel, useRuntime } from './model.js';
import { listenForObjects, showObjects, useCategories } from './objects.js';

const shown = 5;
const byId = (id) => document.getElementById(id);
let model;
let picture; // the current picture, which a new model classifies again
let latest = 0; // the latest request; results of earlier ones are not shown

async function takeModel(bytes) {
  const opened = await openModel(bytes);
  model?.close();
  model = opened;
  const { kind, input, origin } = model;
  const isDetector = kind === 'detector';
  document.body.classList.toggle('detector', isDetector);
  byId('origin').textContent = isDetector
    ? `A detector of ${list(model.categories)}; ${origin}.`
    : `A network for ${list(model.classes)}; ${origin}.`;
  byId('facts').textContent = `${input[0]} × ${input[1]} pixels, ${megabytes(model.bytes)}`;
  hint(
    isDetector
      ? 'Objects will appear here, and as boxes in the picture.'
      : 'The five most probable classes will appear here.',
  );
  byId('answers').replaceChildren(); // removes another model's
  byId('frame').hidden = true;
  document.querySelector('.seen').hidden = true;
  useCategories(isDetector ? model.categories : [], isDetector ? model.leastScore : 0);
}

/** Says what to expect, or nothing. */
function hint(text) {
  byId('hint').textContent = text;
  byId('hint').hidden = text === '';
}

async function takePicture(file) {
  picture = file;
  const turn = ++latest;
  show(file);
  if (!model) throw new Error('There is no model yet: drop an .onnx file that nasnet exported.');
  const start = performance.now();
  const image = await decode(file).catch(() => {
    throw new Error(`The browser cannot read ${file.name ?? 'this'} as a picture.`);
  });
  byId('picture').classList.toggle('small', Math.max(image.width, image.height) <= 128);
  byId('zone').style.setProperty('--aspect', String(image.width / image.height));
  const look = model.kind === 'detector' ? findObjects : classify;
  if (model.kind === 'detector') await painted();
  const { values, ready, done, showAnswer } = await look(model, image);
  if (turn !== latest) return;
  draw(values, model.input);
  byId('times').textContent =
    `What the network sees, ${model.input.join(' × ')}. Network ${milliseconds(done - ready)}, reading the picture ${milliseconds(ready - start)}.`;
  hint('');
  showAnswer();
}

async function classify({ preprocessing, input, classes, run }, image) {
  const { values, region } = prepare(image, preprocessing, input);
  const ready = performance.now();
  const probabilities = await run(normalise(values, preprocessing));
  const showAnswer = () => {
    outline(region, image);
    answer(probabilities, classes);
  };
  return { values, ready, done: performance.now(), showAnswer };
}

async function findObjects({ framing, input, run }, image) {
  const { values, extent, scale } = place(image, framing, input);
  const ready = performance.now();
  const found = await run(fromMinusOne(values), extent);
  const objects = found.map(({ corners, ...object }) => ({
    ...object,
    box: corners.map((corner, index) => corner / scale[index % 2 === 0 ? 1 : 0]),
  }));
  return { values, ready, done: performance.now(), showAnswer: () => showObjects(objects, image) };
}

/** Lets the browser show the picture and a sentence, since a detector may take seconds, in which the page stands still. */
function painted() {
  hint('Looking …');
  byId('found').hidden = true;
  byId('boxes').replaceChildren();
  return new Promise((resolve) => setTimeout(resolve, 30));
}

function show(file) {
  const image = byId('picture');
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(file);
  image.alt = file.name ?? 'the picture';
  byId('zone').classList.add('filled');
  document.querySelector('.invitation').hidden = true;
  document.querySelector('.shown').hidden = false;
  byId('frame').hidden = true;
  byId('boxes').replaceChildren();
}

/** Shows the part of the picture that the network sees; the picture is centred in a square. */
function outline({ left, top, width, height }, image) {
  const side = Math.max(image.width, image.height);
  const [x, y] = [(side - image.width) / 2 + left, (side - image.height) / 2 + top];
  const share = (value) => `${(100 * value) / side}%`;
  Object.assign(byId('frame').style, { left: share(x), top: share(y), width: share(width), height: share(height) });
  byId('frame').hidden = width === image.width && height === image.height;
}

function draw(values, [height, width]) {
  const canvas = byId('seen');
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  image.data.forEach((_, index) => {
    image.data[index] = index % 4 === 3 ? 255 : values[3 * Math.floor(index / 4) + (index % 4)];
  });
  canvas.getContext('2d').putImageData(image, 0, 0);
  document.querySelector('.seen').hidden = false;
}

function answer(probabilities, classes) {
  const best = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, shown);
  const rows = best.map((index) => {
    const row = document.createElement('li');
    row.append(element('span', 'name', classes[index]));
    row.append(element('span', 'share', `${(100 * probabilities[index]).toFixed(1)}%`));
    const bar = element('span', 'bar', '');
    bar.append(document.createElement('span'));
    bar.firstChild.style.width = `${100 * probabilities[index]}%`;
    row.append(bar);
    row.dataset.probability = String(probabilities[index]);
    return row;
  });
  byId('answers').replaceChildren(...rows);
}

function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

/** Opens a file: a model by its name, otherwise a picture. Errors appear on the page. */
async function take(file) {
  if (!file) return;
  byId('trouble').textContent = '';
  try {
    if (!/\.onnx$/i.test(file.name ?? '')) return await takePicture(file);
    await takeModel(new Uint8Array(await file.arrayBuffer()));
    if (picture) await takePicture(picture);
  } catch (error) {
    hint('');
    byId('trouble').textContent = sentence(error);
  }
}

function listen() {
  const input = byId('file');
  input.addEventListener('change', () => {
    take(input.files[0]);
    input.value = ''; // allows choosing the same file again
  });
  for (const name of ['other', 'another-picture']) byId(name).addEventListener('click', () => input.click());
  addEventListener('paste', (event) => take(event.clipboardData.files[0]));
  const dragging = (on) => (event) => {
    event.preventDefault();
    document.body.classList.toggle('dragging', on);
  };
  addEventListener('dragover', dragging(true));
  addEventListener('dragleave', dragging(false));
  addEventListener('drop', (event) => {
    dragging(false)(event);
    for (const file of event.dataTransfer.files) take(file);
  });
}

/** Loads what `nasnet export` embedded in base64: the compressed runtime, a model and example pictures. */
async function open() {
  const wasm = byId('runtime');
  if (wasm) useRuntime(await unzipped(wasm.textContent));
  const embedded = byId('model');
  if (!embedded) hint('');
  if (embedded) await takeModel(new Uint8Array(await unzipped(embedded.textContent)));
  const pictures = JSON.parse(byId('pictures')?.textContent ?? '[]');
  for (const { name, type, base64 } of pictures) {
    const bytes = await (await decoded(base64)).arrayBuffer();
    offer(new File([bytes], name, { type }));
  }
}

function offer(file) {
  const button = document.createElement('button');
  button.type = 'button';
  button.title = file.name;
  button.append(Object.assign(document.createElement('img'), { src: URL.createObjectURL(file), alt: file.name }));
  button.addEventListener('click', () => take(file));
  const item = document.createElement('li');
  item.append(button);
  byId('examples').append(item);
}

/** Decodes base64 with the browser's decoder, which is ten times as fast as atob and a loop. */
const decoded = (base64) => fetch(`data:;base64,${base64}`);

async function unzipped(base64) {
  const { body } = await decoded(base64);
  return new Response(body.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

const milliseconds = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)}\u00a0ms`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function list(names) {
  if (names.length > 12) return `${names.length.toLocaleString('en')} classes`;
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function sentence({ message }) {
  const [first] = message.split('\n');
  return first.charAt(0).toUpperCase() + first.slice(1);
}

listen();
listenForObjects();
open().catch((error) => {
  byId('trouble').textContent = sentence(error);
});
