// The thread in which a network computes (network.js starts it): opens one model, then answers for pictures one by one. A message
// has an id, a task and its input; what is posted for it has the id and `result`, `error` or, before these, `part`. It imports
// nothing by itself, since a worker of a page that was opened as a file can be no module, and has no import map.

let model;
let image; // image.js

const tasks = { open, look };

addEventListener('message', async ({ data: { id, task, input } }) => {
  try {
    postMessage({ id, result: await tasks[task](input, (part) => postMessage({ id, part })) });
  } catch (error) {
    const sentence = isOfMemory(error) ? tooLarge() : String(error?.message ?? error);
    postMessage({ id, error: { sentence, isOfPicture: error?.isOfPicture ?? false } });
  }
});

/** @returns what the model file says, without functions */
async function open({ modules, wasm, file }) {
  const [runtime, models] = await Promise.all([import(modules.runtime), import(modules.model)]);
  image = await import(modules.image);
  if (wasm) runtime.env.wasm.wasmBinary = await wasm.arrayBuffer();
  model = await models.openModel(runtime, new Uint8Array(await file.arrayBuffer()));
  const { run: _, close: __, ...description } = model;
  return description;
}

/** @returns the answer for a picture, the values that the network sees, and the milliseconds for reading and computing */
async function look(/** @type {File} */ picture, onPart) {
  const start = performance.now();
  const decoded = await image.decode(picture).catch((error) => {
    const sentence = `The browser cannot read ${picture.name ?? 'this'} as a picture.`;
    throw isOfMemory(error) ? error : Object.assign(new Error(sentence), { isOfPicture: true });
  });
  const { width, height } = decoded;
  onPart({ width, height });
  const { values, answer } = model.kind === 'detector' ? placed(decoded) : framed(decoded);
  const ready = performance.now();
  const answered = await answer();
  return { ...answered, size: { width, height }, values, reading: ready - start, computing: performance.now() - ready };
}

function framed(decoded) {
  const { preprocessing, input, run } = model;
  const { values, region } = image.prepare(decoded, preprocessing, input);
  const answer = async () => ({ region, probabilities: await run(image.normalise(values, preprocessing)) });
  return { values, answer };
}

function placed(decoded) {
  const { values, extent, scale } = image.place(decoded, model.framing, model.input);
  const answer = async () => {
    const found = await model.run(image.fromMinusOne(values), extent);
    const objects = found.map(({ corners, ...object }) => ({
      ...object,
      box: corners.map((corner, index) => corner / scale[index % 2 === 0 ? 1 : 0]),
    }));
    return { objects };
  };
  return { values, answer };
}

/** Whether the browser or the runtime ran out of memory; the runtime may throw the number of a C++ exception instead. */
const isOfMemory = (error) =>
  typeof error === 'number' ||
  /bad_alloc|out of memory|OOM|allocat|SafeInt|invalid (typed )?array length|memory access out of bounds/i.test(
    error?.message,
  );

const tooLarge = () => {
  const size = model ? ` for pictures of ${model.input[0]} × ${model.input[1]} pixels` : '';
  return `The browser has too little memory for this network${size}: a page has at most 4 GB. On this computer, nasnet has all of it.`;
};
