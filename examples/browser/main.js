// The page: takes pictures and models from drops, pastes, choices and examples. Shows the five most probable classes of a
// classifier; objects.js shows what a detector found. network.js computes.

import { Network, Superseded } from './network.js';
import { listenForObjects, showObjects, useCategories } from './objects.js';

const shown = 5;
const byId = (id) => document.getElementById(id);
/** @type {Network} */
let network;
let model; // what the open model file says
let openings = 0; // model files that are read or opened now
let picture; // the current picture, which a new model sees again
let isWaiting = false; // whether the picture waits for a model that is opened now

async function takeModel(/** @type {Blob | Promise<Blob>} */ file) {
  const working = work('Opening the network');
  openings += 1;
  let description;
  try {
    description = await network.open(await file);
  } finally {
    working.end();
    openings -= 1;
  }
  showModel(description);
}

function showModel(description) {
  model = description;
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
  clearAnswers(); // another model's
  useCategories(isDetector ? model.categories : [], isDetector ? model.leastScore : 0);
}

/** Says what to expect, or nothing. */
function hint(text) {
  byId('hint').textContent = text;
  byId('hint').hidden = text === '';
}

function clearAnswers() {
  byId('answers').replaceChildren();
  byId('found').hidden = true;
  byId('frame').hidden = true;
  byId('boxes').replaceChildren();
  document.querySelector('.seen').hidden = true;
}

let latestWork = 0;

/** Says that something is computed, and for how long. */
function work(what) {
  const turn = ++latestWork;
  const start = performance.now();
  const { dataset } = byId('hint'); // a screen reader does not read each second
  const count = () => {
    if (turn === latestWork) dataset.elapsed = `${Math.round((performance.now() - start) / 1000)} s`;
  };
  document.body.classList.add('computing');
  hint(`${what} …`);
  delete dataset.elapsed;
  const timer = setInterval(count, 1000);
  return {
    end() {
      clearInterval(timer);
      if (turn !== latestWork) return; // something newer is computed
      delete dataset.elapsed;
      document.body.classList.remove('computing');
      hint('');
    },
  };
}

async function takePicture(/** @type {File} */ file) {
  picture = file;
  show(file);
  isWaiting = openings > 0;
  if (isWaiting) return;
  if (!network.isOpen) throw new Error('There is no model yet: drop an .onnx file that nasnet exported.');
  clearAnswers();
  const working = work('Computing');
  try {
    showAnswer(await network.look(file, fitTo));
  } finally {
    working.end();
  }
}

function fitTo({ width, height }) {
  byId('picture').classList.toggle('small', Math.max(width, height) <= 128);
  byId('zone').style.setProperty('--aspect', String(width / height));
}

function showAnswer({ size, values, region, probabilities, objects, reading, computing }) {
  draw(values, model.input);
  byId('times').textContent =
    `What the network sees, ${model.input.join(' × ')}. Network ${milliseconds(computing)}, reading the picture ${milliseconds(reading)}.`;
  if (objects) showObjects(objects, size);
  else {
    outline(region, size);
    answer(probabilities, model.classes);
  }
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

/** Opens a file: a model by its name, otherwise a picture. */
async function take(file) {
  if (!file) return;
  await (/\.onnx$/i.test(file.name ?? '') ? answerWith(file) : attempt(() => takePicture(file)));
}

/** Opens a model, which then sees the picture that is shown. If it cannot be opened, the model before sees what waits. */
async function answerWith(file) {
  const isOpened = await attempt(() => takeModel(file));
  if (picture && (isOpened || (isWaiting && openings === 0))) await attempt(() => takePicture(picture), isOpened);
}

/** Does what was asked for. Errors appear on the page, in place of earlier ones. @returns whether there was none */
async function attempt(act, clears = true) {
  if (clears) byId('trouble').textContent = '';
  try {
    await prepared;
    await act();
    return true;
  } catch (error) {
    trouble(error);
    return false;
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

/** Says what went wrong in one sentence; a computation that a newer one ended did not. */
function trouble(error) {
  if (error instanceof Superseded) return;
  hint('');
  const [first] = error.message.split('\n');
  byId('trouble').textContent = first.charAt(0).toUpperCase() + first.slice(1);
}

/** Makes the network's thread ready, of what `nasnet export` embedded or of the files next to the page. */
async function prepare() {
  const [runtime, image, model, worker] = ['onnxruntime-web', './image.js', './model.js', './worker.js'].map((name) =>
    import.meta.resolve(name),
  );
  const embedded = byId('runtime');
  const [script, wasm] = await Promise.all([
    fetch(worker).then((response) => response.blob()),
    embedded ? unzipped(embedded.textContent) : undefined,
  ]);
  network = new Network({ script: URL.createObjectURL(script), modules: { runtime, image, model }, wasm });
}

/** Opens the embedded model, and offers the embedded pictures. */
async function open() {
  await prepared;
  const embedded = byId('model');
  if (!embedded) return hint('');
  const opened = answerWith(unzipped(embedded.textContent));
  for (const { name, type, base64 } of JSON.parse(byId('pictures').textContent)) {
    const bytes = await (await decoded(base64)).arrayBuffer();
    offer(new File([bytes], name, { type }));
  }
  await opened;
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

/** Decodes and decompresses what is embedded. @returns {Promise<Blob>} */
async function unzipped(base64) {
  const { body } = await decoded(base64);
  return new Response(body.pipeThrough(new DecompressionStream('gzip'))).blob();
}

const milliseconds = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)}\u00a0ms`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function list(names) {
  if (names.length > 12) return `${names.length.toLocaleString('en')} classes`;
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

const prepared = prepare();
listen();
listenForObjects();
open().catch(trouble);
