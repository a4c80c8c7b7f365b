// What a JPEG says before its pixels: whether the addon's decoder shows the same picture as sharp, and its size.

const marker = {
  start: 0xd8,
  end: 0xd9,
  scan: 0xda,
  exif: 0xe1,
  profile: 0xe2,
} as const;
/** Start of frame: baseline, extended and progressive with Huffman codes. */
const frames = new Set([0xc0, 0xc1, 0xc2]);
/** Start of frame of codings that few decoders know, and of hierarchical pictures. */
const otherFrames = new Set([0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);
const orientationTag = 0x0112;
const mostPixels = 2 ** 28;

/**
 * Returns the size of a JPEG in grey or three colours, 8 bits, upright, without a colour profile and with its end;
 * undefined for every other file.
 */
export function plainJpeg(bytes: Uint8Array): { height: number; width: number } | undefined {
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== marker.start || !hasEnd(bytes)) return undefined;
  let size: { height: number; width: number } | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const code = bytes[at + 1]!;
    if (code === 0xff) {
      at++; // fill byte
      continue;
    }
    const length = 256 * bytes[at + 2]! + bytes[at + 3]!;
    const content = bytes.subarray(at + 4, at + 2 + length);
    if (code === marker.scan) return size;
    if (length < 2 || content.length !== length - 2 || otherFrames.has(code)) return undefined;
    if (code === marker.profile && startsWith(content, 'ICC_PROFILE')) return undefined;
    if (code === marker.exif && startsWith(content, 'Exif\0\0') && !isUpright(content.subarray(6))) return undefined;
    if (frames.has(code)) {
      size = frameSize(content);
      if (!size) return undefined;
    }
    at += 2 + length;
  }
  return undefined;
}

/** Whether the file ends as a JPEG does, perhaps with zeros after it. */
function hasEnd(bytes: Uint8Array): boolean {
  let last = bytes.length - 1;
  while (last > 1 && bytes[last] === 0) last--;
  return bytes[last] === marker.end && bytes[last - 1] === 0xff;
}

function frameSize(content: Uint8Array): { height: number; width: number } | undefined {
  if (content.length < 6) return undefined;
  const [bits, high, low, wide, narrow, components] = content as unknown as readonly number[];
  const [height, width] = [256 * high! + low!, 256 * wide! + narrow!];
  if (bits !== 8 || (components !== 1 && components !== 3)) return undefined;
  return height > 0 && width > 0 && height * width <= mostPixels ? { height, width } : undefined;
}

const startsWith = (content: Uint8Array, text: string): boolean =>
  content.length >= text.length && [...text].every((letter, place) => content[place] === letter.charCodeAt(0));

/** Whether Exif data says that the picture is upright, or nothing of it; false for data that cannot be followed. */
function isUpright(tiff: Uint8Array): boolean {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 8 || (tiff[0] !== 0x49 && tiff[0] !== 0x4d) || tiff[1] !== tiff[0]) return false;
  const little = tiff[0] === 0x49;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return false;
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + 12 * entry;
    if (at + 12 > tiff.length) return false;
    if (view.getUint16(at, little) === orientationTag) return view.getUint16(at + 8, little) === 1;
  }
  return true;
}
