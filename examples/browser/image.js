// Preprocesses a picture as the model's description says: crops and resizes it here and not in the canvas, whose filters differ
// between browsers. The same arithmetic as in nasnet's data/framing.ts and in sharp; for detectors as in detect/pictures.ts, to the
// bit.

/** @typedef {{ mean: number[], deviation: number[], centralFraction: number, aspect: string, interpolation: string, enlarge?: number }} Preprocessing */
/** @typedef {{ left: number, top: number, width: number, height: number }} Region */
/** @typedef {{ values: Uint8ClampedArray, extent: [number, number], scale: [number, number] }} Placed */

/** Decodes an image file to pixels, upright, with transparent pixels on white. */
export async function decode(/** @type {Blob} */ file) {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}

/** Returns RGB values 0 to 255, [height, width, 3], of the network's size, and the region of the picture that they show. */
export function prepare(image, /** @type {Preprocessing} */ preprocessing, /** @type {[number, number]} */ input) {
  const framed = frame(image, preprocessing, input);
  return enlarge(framed, preprocessing.enlarge ?? 1, input);
}

/** The colour beside a picture that keeps its aspect, as in nasnet's detect/pictures.ts. */
const middle = 128;

/**
 * Places a picture on a detector's input, as nasnet's detect/pictures.ts does: 'stretch' to both sides, 'fit' keeps its
 * aspect and leaves the rest grey. input = picture · scale along y and x; `extent` is the picture's part of the input.
 * @returns {Placed}
 */
export function place(image, /** @type {string} */ framing, /** @type {[number, number]} */ [height, width]) {
  const shares = [height / image.height, width / image.width];
  const least = Math.min(...shares);
  const [down, across] = framing === 'stretch' ? shares : [least, least];
  const extent = [Math.max(1, Math.round(image.height * down)), Math.max(1, Math.round(image.width * across))];
  const rows = taps(image.height, extent[0], kernels.bilinear, 0, 0, extent[0]);
  const columns = taps(image.width, extent[1], kernels.bilinear, 0, 0, extent[1]);
  const shown = resampled({ width: image.width, pixels: image.rgba, channels: 4 }, rows, columns);
  const values = new Uint8ClampedArray(3 * height * width).fill(middle); // rounds as the engine does
  for (let row = 0; row < extent[0]; row++) {
    values.set(shown.subarray(3 * row * extent[1], 3 * (row + 1) * extent[1]), 3 * row * width);
  }
  return { values, extent, scale: [extent[0] / image.height, extent[1] / image.width] };
}

/** Enlarges bytes by a factor and crops the centre to the old size, so that things are as large as in the training images. */
function enlarge({ values, region }, factor, [height, width]) {
  const sides = [height, width].map((side) => Math.round(factor * side));
  if (sides[0] === height && sides[1] === width) return { values, region };
  const [top, left] = [sides[0] - height, sides[1] - width].map((rest) => Math.floor(rest / 2));
  const rows = taps(height, sides[0], kernels.bilinear, 0, top, height);
  const columns = taps(width, sides[1], kernels.bilinear, 0, left, width);
  const shown = {
    left: region.left + (left / sides[1]) * region.width,
    top: region.top + (top / sides[0]) * region.height,
    width: (width / sides[1]) * region.width,
    height: (height / sides[0]) * region.height,
  };
  return { values: resampled({ width, pixels: values, channels: 3 }, rows, columns), region: shown };
}

/** Returns bytes of the network's size, and the region of the picture that they show. */
function frame(image, preprocessing, input) {
  const { source, size, window } = frameOf([image.height, image.width], input, preprocessing);
  const kernel = kernels[preprocessing.interpolation];
  const rows = taps(source.height, size[0], kernel, source.top, window.top, window.height);
  const columns = taps(source.width, size[1], kernel, source.left, window.left, window.width);
  const [down, across] = [source.height / size[0], source.width / size[1]];
  const region = {
    left: source.left + window.left * across,
    top: source.top + window.top * down,
    width: window.width * across,
    height: window.height * down,
  };
  const pixels = { width: image.width, pixels: image.rgba, channels: 4 };
  return { values: Uint8ClampedArray.from(resampled(pixels, rows, columns), toByte), region };
}

/** Converts values [height, width, 3] to normalised float32 planes [3, height, width]. */
export function normalise(values, { mean, deviation }) {
  return planes(values, (value, channel) => (value - mean[channel]) / deviation[channel]);
}

/** Converts values 0 to 255 [height, width, 3] to a detector's float32 planes [3, height, width] from −1 to 1. */
export const fromMinusOne = (values) => planes(values, (value) => Math.fround(value * Math.fround(2 / 255)) - 1);

function planes(values, convert) {
  const plane = values.length / 3;
  const converted = new Float32Array(values.length);
  for (let channel = 0; channel < 3; channel++) {
    for (let pixel = 0; pixel < plane; pixel++)
      converted[channel * plane + pixel] = convert(values[3 * pixel + channel], channel);
  }
  return converted;
}

/** Returns the first crop, the size to resize it to, and the crop after that. */
function frameOf(image, input, { centralFraction, aspect, interpolation }) {
  if (aspect === 'stretch') {
    const [top, left] = image.map((side) => Math.floor((side - side * centralFraction) / 2));
    const source = { left, top, width: image[1] - 2 * left, height: image[0] - 2 * top };
    return { source, size: input, window: centre(input, input) };
  }
  if (interpolation === 'area') {
    const scale = centralFraction * Math.min(image[0] / input[0], image[1] / input[1]);
    const sides = input.map((side) => Math.max(1, Math.round(side * scale)));
    return { source: centre(image, sides), size: input, window: centre(input, input) };
  }
  const [height, width] = input.map((side) => Math.floor(side / centralFraction));
  const size =
    height * image[1] >= width * image[0]
      ? [height, Math.max(width, Math.floor((height * image[1]) / image[0]))]
      : [Math.max(height, Math.floor((width * image[0]) / image[1])), width];
  return { source: centre(image, image), size, window: centre(size, input) };
}

/** Rounds halves to the even number, as nasnet and torchvision do for crops. */
const halfOf = (length) => Math.floor(length / 2) + (length % 4 === 3 ? 1 : 0);

function centre([height, width], [inner, across]) {
  return {
    left: halfOf(width - across),
    top: halfOf(height - inner),
    width: across,
    height: inner,
  };
}

/** The weight of an old pixel at a distance (in old pixels) from a new one's centre; `scale` is the size of a new pixel in old ones. */
const kernels = {
  bilinear: (distance, scale) => Math.max(0, 1 - distance / Math.max(scale, 1)),
  bicubic: (distance, scale) => {
    const x = distance / Math.max(scale, 1);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0;
  },
  area: (distance, scale) => Math.min(Math.max((scale + 1) / 2 - distance, 0), scale, 1), // overlap of the two
};

/** Returns for each of `count` new pixels from `first` on its old pixels and their weights. */
function taps(old, now, kernel, offset, first, count) {
  const scale = old / now;
  const reach = 2 * Math.max(scale, 1) + 1;
  return Array.from({ length: count }, (_, index) => {
    const middle = (first + index + 0.5) * scale - 0.5;
    const from = Math.max(0, Math.ceil(middle - reach));
    const to = Math.min(old - 1, Math.floor(middle + reach));
    const weights = [];
    for (let pixel = from; pixel <= to; pixel++) weights.push(kernel(Math.abs(pixel - middle), scale));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const start = weights.findIndex((weight) => weight !== 0);
    const end = weights.findLastIndex((weight) => weight !== 0) + 1;
    const shares = weights.slice(start, end).map((weight) => weight / sum);
    return { from: offset + from + start, weights: Float64Array.from(shares) };
  });
}

const toByte = (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5 + 1e-9))); // rounds halves up

/** Resizes first rows, then columns, of pixels with three or more channels to [rows, columns, 3]. */
function resampled({ width, pixels, channels }, rows, columns) {
  const values = new Float64Array(3 * rows.length * columns.length);
  const row = new Float64Array(3 * width);
  rows.forEach(({ from: top, weights: vertical }, y) => {
    row.fill(0);
    vertical.forEach((weight, index) => {
      let pixel = channels * width * (top + index);
      for (let at = 0; at < row.length; at += 3, pixel += channels) {
        row[at] += weight * pixels[pixel];
        row[at + 1] += weight * pixels[pixel + 1];
        row[at + 2] += weight * pixels[pixel + 2];
      }
    });
    columns.forEach(({ from: left, weights }, x) => {
      const [first, to] = [3 * left, 3 * (y * columns.length + x)];
      for (let index = 0; index < weights.length; index++) {
        for (let channel = 0; channel < 3; channel++)
          values[to + channel] += weights[index] * row[first + 3 * index + channel];
      }
    });
  });
  return values;
}
