// Decodes the part of a JPEG that a square is made of, at the scale that it needs. jpeg.cpp is compiled where
// libjpeg-turbo is installed (scripts/setup/jpeg.mjs).
#pragma once

#include <cstddef>
#include <cstdint>

#include "part.h"

namespace nasnet::pictures {

/**
 * Writes target [size, size, 3] from a part of the whole picture in its pixels. False if the decoder found a fault or
 * knows no way to RGB; the target is then undefined.
 */
using ShowJpeg = bool (*)(const uint8_t* bytes, size_t length, const Part& part, int size, const Changes& changes,
                          uint8_t* target);

struct JpegDecoder {
  const char* name = nullptr;  // "libjpeg-turbo 2.1.5"; null: not compiled
  ShowJpeg show = nullptr;
};

/** Set by jpeg.cpp when the addon is loaded. */
JpegDecoder& jpegDecoder();

}  // namespace nasnet::pictures
