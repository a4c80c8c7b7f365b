// Detects image formats by the first bytes of a file: formats that the decoder reads, and common ones that it does not.
// Names only decide which files of a folder are opened.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';

/** An image format. */
export interface ImageFormat {
  /** Name in a sentence: 'a BMP image'. */
  readonly title: string;
  /** Whether sharp's prebuilt libvips decodes it. */
  readonly read: boolean;
  is(head: Buffer): boolean;
}

const starts = (head: Buffer, text: string, at = 0) => head.toString('latin1', at, at + text.length) === text;

/** Returns the brands of an ISO base media file, the major one first. */
function brands(head: Buffer): string[] {
  if (!starts(head, 'ftyp', 4)) return [];
  const end = Math.min(head.readUInt32BE(), head.length);
  const places = Array.from({ length: Math.max(0, Math.floor((end - 8) / 4)) }, (_, index) => 8 + 4 * index);
  return places.map((at) => head.toString('latin1', at, at + 4));
}

const isText = (head: Buffer) => /^(?:\xef\xbb\xbf)?\s*</.test(head.toString('latin1'));

/** The first matching format applies. */
const formats: readonly ImageFormat[] = [
  { title: 'a JPEG image', read: true, is: (head) => starts(head, '\xff\xd8\xff') },
  { title: 'a PNG image', read: true, is: (head) => starts(head, '\x89PNG\r\n\x1a\n') },
  { title: 'a GIF image', read: true, is: (head) => starts(head, 'GIF87a') || starts(head, 'GIF89a') },
  { title: 'a WebP image', read: true, is: (head) => starts(head, 'RIFF') && starts(head, 'WEBP', 8) },
  {
    title: 'a TIFF image',
    read: true,
    is: (head) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some((magic) => starts(head, magic)),
  },
  { title: 'an AVIF image', read: true, is: (head) => brands(head).some((brand) => /^avi[fs]$/.test(brand)) },
  {
    title: 'a HEIC image',
    read: false,
    is: (head) => brands(head).some((brand) => /^(?:he[ivx]|hevc|mif1|msf1)/.test(brand)),
  },
  { title: 'a BMP image', read: false, is: (head) => starts(head, 'BM') && head.length >= 26 },
  { title: 'a PPM image', read: false, is: (head) => /^P[1-7fF]\s/.test(head.toString('latin1', 0, 3)) },
  {
    title: 'a JPEG 2000 image',
    read: false,
    is: (head) => starts(head, '\0\0\0\x0cjP  \r\n\x87\n') || starts(head, '\xff\x4f\xff\x51'),
  },
  {
    title: 'a JPEG XL image',
    read: false,
    is: (head) => starts(head, '\xff\x0a') || starts(head, '\0\0\0\x0cJXL \r\n\x87\n'),
  },
  { title: 'a Photoshop file', read: false, is: (head) => starts(head, '8BPS') },
  { title: 'an icon file', read: false, is: (head) => starts(head, '\0\0\x01\0') || starts(head, '\0\0\x02\0') },
  { title: 'an OpenEXR image', read: false, is: (head) => starts(head, 'v/1\x01') },
  { title: 'a Radiance image', read: false, is: (head) => starts(head, '#?RADIANCE') || starts(head, '#?RGBE') },
  { title: 'a FITS image', read: false, is: (head) => starts(head, 'SIMPLE  =') },
  { title: 'a PDF document', read: false, is: (head) => head.toString('latin1').includes('%PDF-') },
  {
    title: 'a PostScript drawing',
    read: false,
    is: (head) => starts(head, '%!PS') || starts(head, '\xc5\xd0\xd3\xc6'),
  },
  { title: 'an SVG drawing', read: false, is: (head) => isText(head) && /<svg[\s>]/i.test(head.toString('latin1')) },
  { title: 'a web page or XML', read: false, is: isText },
  { title: 'a gzip archive', read: false, is: (head) => starts(head, '\x1f\x8b') },
  { title: 'a zip archive', read: false, is: (head) => starts(head, 'PK\x03\x04') },
];

export const headBytes = 1024;

/** Returns the format of a file by its first bytes; undefined for other files. */
export const formatOf = (head: Buffer): ImageFormat | undefined => formats.find((format) => format.is(head));

/** File name endings of readable images; such files are not opened before they are decoded. */
const extensions = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'];

/** File name endings that are never images; such files are not opened. */
const others = new Set(
  (
    '.txt .md .json .jsonl .yaml .yml .toml .ini .cfg .csv .tsv .xml .html .htm .log .db .sqlite .py .ipynb .js .ts .sh .m .mat ' +
    '.npy .npz .pkl .pt .pth .h5 .hdf5 .safetensors .onnx .zip .tar .gz .tgz .bz2 .xz .7z .rar .doc .docx .xls .xlsx .ppt ' +
    '.pptx .pdf .mp3 .wav .mp4 .avi .mov .mkv .webm .url .lnk .part .tmp .bak .lock .checkpoint'
  ).split(' '),
);

/**
 * Returns whether a file is an image by its name; unknown if the file must be opened, since images may have any ending.
 */
export function byName(name: string): 'picture' | 'other' | 'unknown' {
  const ending = extname(name).toLowerCase();
  if (extensions.includes(ending)) return 'picture';
  return others.has(ending) ? 'other' : 'unknown';
}

/**
 * Reads the first bytes of a regular file. Pipes and devices are refused without waiting.
 * @throws the system's error, or an Error with a reason
 */
export function readHead(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error('something other than a file');
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(file, head, 0, headBytes, 0));
  } finally {
    closeSync(file);
  }
}

/** Returns why a file with these first bytes is not readable; undefined if it is. */
export function unreadReason(head: Buffer): string | undefined {
  if (head.length === 0) return 'an empty file';
  const format = formatOf(head);
  if (format?.read) return undefined;
  if (!format) return 'an unsupported image format';
  return `${format.title}, which is not read here: convert it to PNG or JPEG`;
}
