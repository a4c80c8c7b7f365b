// See max-pool.h.
#include "max-pool.h"

#include <algorithm>
#include <limits>

#include "loops/loops.h"
#include "over-images.h"
#include "plane.h"

namespace nasnet::kernels {

void maxPool(const Window& window, const Stored& input, const Room& result, uint8_t* places) {
  const Axis &rows = window.rows, &columns = window.columns;
  const int64_t length = columns.result * window.channels;
  const Slices slices(window.images, rows.result);
  overImages(slices.count(), [&](int64_t, int64_t begin, int64_t end) {
    Plane plane(rows.last(), columns.last(), window.channels, columns.stride, rows.before, columns.before, rows.input,
                columns.input, -std::numeric_limits<float>::infinity());
    std::vector<ptrdiff_t> offsets;
    for (int64_t tap = 0; tap < columns.kernel; ++tap) offsets.push_back(plane.column(tap));
    const Floats across(rows.last() * (length + loops().width));
    std::vector<int> acrossPlaces(rows.last() * (length + loops().width));
    const Floats room(result.numbers == Numbers::float32 ? 0 : window.resultFloats());
    for (int64_t index = begin; index < end; ++index) {
      const auto [image, top, bottom] = slices[index];
      if (top == bottom) continue;
      const auto [firstRow, lastRow] = rows.readBy(top, bottom);
      plane.put(input + image * window.inputFloats(), firstRow, lastRow, false);
      const int64_t first = image * window.resultFloats() + top * length;
      float* made = result.numbers == Numbers::float32 ? (result + first).floats() : room.get();
      loops().maximum({plane.row(top * rows.stride), plane.pitch(), lastRow - firstRow, made,
                       places == nullptr ? nullptr : places + first, bottom - top, length,
                       static_cast<int>(rows.kernel), static_cast<int>(rows.stride), static_cast<int>(columns.kernel),
                       offsets.data(), across.get(), acrossPlaces.data()});
      if (result.numbers != Numbers::float32) loops().copy(result + first, made, (bottom - top) * length, false);
    }
  });
}

// Adds gradients at their places, one by one and always in the same order, in a plane with padding: if a whole window
// is −∞, its place is outside the image, and its gradient is dropped.
void maxPoolGradient(const Window& window, const Stored& gradient, const uint8_t* places, const Room& inputGradient,
                     bool add) {
  const Axis &rows = window.rows, &columns = window.columns;
  const int64_t channels = window.channels;
  const int64_t height = std::max(rows.last(), rows.before + rows.input),
                width = std::max(columns.last(), columns.before + columns.input);
  const int64_t pitch = width * channels;
  int32_t offsets[49];
  for (int64_t row = 0; row < rows.kernel; ++row) {
    for (int64_t column = 0; column < columns.kernel; ++column) {
      offsets[row * columns.kernel + column] = static_cast<int32_t>(row * pitch + column * channels);
    }
  }
  overImages(window.images, [&](int64_t, int64_t begin, int64_t end) {
    const Floats plane(height * pitch);
    const Floats room(gradient.numbers == Numbers::float32 ? 0 : window.resultFloats());
    for (int64_t image = begin; image < end; ++image) {
      std::fill_n(plane.get(), height * pitch, 0.0f);
      const Stored outer = gradient + image * window.resultFloats();
      const float* from = outer.floats();
      if (gradient.numbers != Numbers::float32) {
        loops().copy(room.get(), outer, window.resultFloats(), false);
        from = room.get();
      }
      const uint8_t* place = places + image * window.resultFloats();
      for (int64_t y = 0; y < rows.result; ++y) {
        for (int64_t x = 0; x < columns.result; ++x) {
          float* corner = plane.get() + y * rows.stride * pitch + x * columns.stride * channels;
          for (int64_t channel = 0; channel < channels; ++channel) corner[offsets[*place++] + channel] += *from++;
        }
      }
      const Room to = inputGradient + image * window.inputFloats();
      for (int64_t y = 0; y < rows.input; ++y) {
        const float* row = plane.get() + (y + rows.before) * pitch + columns.before * channels;
        const Room line = to + y * columns.input * channels;
        if (add) loops().addMasked(line.floats(), row, nullptr, columns.input * channels);
        else loops().copy(line, row, columns.input * channels, false);
      }
    }
  });
}

}  // namespace nasnet::kernels
