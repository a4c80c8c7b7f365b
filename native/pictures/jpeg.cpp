// See jpeg.h. libjpeg-turbo skips the rows above the part and the columns next to it, and shrinks by 2, 4 or 8 while it
// decodes.
#include "jpeg.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <vector>

#include <jpeglib.h>

namespace nasnet::pictures {

namespace {

struct Errors {
  jpeg_error_mgr manager;  // first, so that libjpeg's pointer to it is one to this
  std::jmp_buf failed;
};

void fail(j_common_ptr decoder) { std::longjmp(reinterpret_cast<Errors*>(decoder->err)->failed, 1); }

void count(j_common_ptr decoder, int level) {
  if (level < 0) ++decoder->err->num_warnings;
}

void sayNothing(j_common_ptr) {}

/** Returns the eighths of the picture's size that are enough for the square. */
int eighths(const Part& part, int size) {
  int scale = 8;
  while (scale > 1 && std::min(part.width, part.height) * (scale / 2) >= 8.0 * size) scale /= 2;
  return scale;
}

constexpr int margin = 2;  // pixels next to the part, whose colours the decoder spreads

/** Decodes the rows and columns of a scaled part into `pixels`; the part is then relative to them. */
Pixels decodePart(jpeg_decompress_struct& decoder, Part& part, int size, std::vector<uint8_t>& pixels) {
  const int scale = eighths(part, size);
  decoder.scale_num = static_cast<unsigned>(scale);
  decoder.scale_denom = 8;
  decoder.out_color_space = JCS_EXT_RGBX;
  decoder.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&decoder);
  part = {part.left * scale / 8, part.top * scale / 8, part.width * scale / 8, part.height * scale / 8};
  const int across = static_cast<int>(decoder.output_width), down = static_cast<int>(decoder.output_height);
  const int top = std::clamp(static_cast<int>(std::floor(part.top)) - margin, 0, down - 1);
  const int bottom = std::clamp(static_cast<int>(std::ceil(part.top + part.height)) + margin, top + 1, down);
  JDIMENSION left =
      static_cast<JDIMENSION>(std::clamp(static_cast<int>(std::floor(part.left)) - margin, 0, across - 1));
  JDIMENSION width = static_cast<JDIMENSION>(
      std::clamp(static_cast<int>(std::ceil(part.left + part.width)) + margin - static_cast<int>(left), 1,
                 across - static_cast<int>(left)));
  jpeg_crop_scanline(&decoder, &left, &width);
  if (top > 0) jpeg_skip_scanlines(&decoder, static_cast<JDIMENSION>(top));
  const size_t stride = 4 * static_cast<size_t>(width);
  pixels.resize(stride * static_cast<size_t>(bottom - top) + 16);
  while (static_cast<int>(decoder.output_scanline) < bottom) {
    uint8_t* row = pixels.data() + stride * (decoder.output_scanline - static_cast<size_t>(top));
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  part.left -= left;
  part.top -= top;
  return {pixels.data(), static_cast<int64_t>(stride), 4, static_cast<int>(width), bottom - top};
}

bool show(const uint8_t* bytes, size_t length, const Part& asked, int size, const Changes& changes, uint8_t* target) {
  // No local object with a destructor: longjmp returns into this function. A thread keeps its buffer.
  thread_local std::vector<uint8_t> pixels;
  jpeg_decompress_struct decoder;
  Errors errors;
  decoder.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = fail;
  errors.manager.emit_message = count;
  errors.manager.output_message = sayNothing;
  if (setjmp(errors.failed) != 0) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, bytes, static_cast<unsigned long>(length));
  jpeg_read_header(&decoder, TRUE);
  Part part = asked;
  const Pixels decoded = decodePart(decoder, part, size, pixels);
  const bool faultless = errors.manager.num_warnings == 0;
  jpeg_destroy_decompress(&decoder);
  if (faultless) showPart(decoded, part, size, changes, target);
  return faultless;
}

#define NASNET_TEXT(value) #value
#define NASNET_TEXT_OF(value) NASNET_TEXT(value)

[[maybe_unused]] const bool present = [] {
  jpegDecoder() = {"libjpeg-turbo " NASNET_TEXT_OF(LIBJPEG_TURBO_VERSION), show};
  return true;
}();

}  // namespace

}  // namespace nasnet::pictures
