// A part of a picture, resized to a square with changed colours. It uses pointers only: no libtorch, no Node.
#pragma once

#include <cstdint>

namespace nasnet::pictures {

/** Decoded pixels, row by row; 8 bytes behind the last one may be read. */
struct Pixels {
  const uint8_t* bytes;
  int64_t stride;  // bytes from row to row
  int channels;    // 3: RGB; 4: RGB and a byte that is ignored
  int width, height;
};

/** In pixels; its edges may lie between them. */
struct Part {
  double left, top, width, height;
};

/** Mirrors the square, and changes its colours as src/streams/random-crop.ts does. */
struct Changes {
  bool flip = false;
  bool colour = false;
  float brightness = 0;  // of 255
  float saturation = 1;
  bool brightnessFirst = false;
};

/**
 * Writes target [size, size, 3]. The filter is a triangle, widened where the part shrinks (antialiasing), within the
 * part's pixels: bilinear as in PIL after a crop. Equal bits on every processor.
 */
void showPart(const Pixels& pixels, const Part& part, int size, const Changes& changes, uint8_t* target);

}  // namespace nasnet::pictures
