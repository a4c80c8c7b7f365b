// Opens an ONNX file that nasnet exported: reads its metadata, and runs its network in onnxruntime-web. The runtime does not give
// access to the metadata, so this file reads it from the bytes.

/**
 * @param runtime the module onnxruntime-web
 * @param {Uint8Array} bytes of an .onnx file
 * @returns what the file says (origin, input, and what its kind needs) and `run`. kind 'classifier': classes and
 * preprocessing, run(planes) gives probabilities. kind 'detector': categories, framing and leastScore, run(planes, extent)
 * gives objects, best first.
 */
export async function openModel(runtime, bytes) {
  runtime.env.wasm.numThreads = 1; // more threads need a server that isolates the page
  runtime.env.logLevel = 'error';
  const metadata = readMetadata(bytes);
  const describe = metadata.categories ? describeDetector : describeClassifier;
  const { run, ...description } = describe(metadata, runtime.Tensor);
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  return {
    ...description,
    origin: metadata.origin,
    bytes: bytes.length,
    run: (...inputs) => run(session, ...inputs),
    close: () => session.release(),
  };
}

function describeClassifier({ classes, titles = classes, preprocessing, network }, Tensor) {
  if (!classes || !preprocessing || !network)
    throw new Error('this ONNX file does not say its classes and preprocessing; nasnet export writes one that does');
  const { input } = JSON.parse(network);
  return {
    kind: 'classifier',
    classes: JSON.parse(titles), // readable names
    preprocessing: JSON.parse(preprocessing),
    input,
    async run(session, /** @type {Float32Array} */ planes) {
      const images = new Tensor('float32', planes, [1, 3, ...input]);
      const results = await session.run({ [session.inputNames[0]]: images });
      return softmax(results[session.outputNames[0]].data);
    },
  };
}

function describeDetector({ categories, settings, leastScore }, Tensor) {
  if (!settings) throw new Error('this ONNX file does not say its settings; nasnet detect export writes one that does');
  const { input, framing } = JSON.parse(settings);
  return {
    kind: 'detector',
    categories: JSON.parse(categories).map(({ name }) => name),
    framing,
    input,
    leastScore: JSON.parse(leastScore ?? '0'),
    /** @returns {Promise<{ category: number, score: number, corners: number[] }[]>} corners x1, y1, x2, y2 in pixels of the input */
    async run(session, /** @type {Float32Array} */ planes, /** @type {[number, number]} */ extent) {
      const { boxes, scores, labels } = await session.run({
        images: new Tensor('float32', planes, [1, 3, ...input]),
        extent: new Tensor('float32', Float32Array.from(extent), [2]),
      });
      return Array.from(scores.data, (score, index) => ({
        category: Number(labels.data[index]),
        score,
        corners: [...boxes.data.subarray(4 * index, 4 * index + 4)],
      }));
    },
  };
}

function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const metadataField = 14; // ModelProto.metadata_props, whose entries are key = 1, value = 2 (onnx.proto)

/** Returns the metadata of an ONNX file by name. @throws Error if the bytes are not an ONNX file */
export function readMetadata(/** @type {Uint8Array} */ bytes) {
  const text = new TextDecoder();
  const texts = {};
  for (const [field, part] of fields(bytes)) {
    if (field !== metadataField) continue;
    const entry = new Map(fields(part));
    texts[text.decode(entry.get(1))] = text.decode(entry.get(2));
  }
  return texts;
}

/** Yields the length-delimited fields of a protobuf message and skips the others. */
function* fields(bytes) {
  let at = 0;
  const number = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the file is no ONNX model, or cut short');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === 0) number();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = number();
      if (at + length > bytes.length) throw new Error('the file is no ONNX model, or cut short');
      yield [field, bytes.subarray(at, at + length)];
      at += length;
    } else throw new Error('the file is no ONNX model');
  }
}
