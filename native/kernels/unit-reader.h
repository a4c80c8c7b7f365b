// How a unit reads its input: bands and planes of it, normalised and through the ReLU on load.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>

#include "channel-lines.h"
#include "depthwise-image.h"
#include "unit.h"

namespace nasnet::kernels {

/**
 * Numbers of a band: 16 KiB, so that its tiles of both sides fit the first-level cache. Of bf16 as many bytes: weights'
 * gradients are then read and written half as often.
 */
inline int64_t bandNumbers(const Unit& unit) { return unit.numbers == Numbers::bf16 ? 8192 : 4096; }

/** Rows of the result, or pixels where each needs one of the input, that are worked on at a time. */
inline int64_t bandRows(const Unit& unit) {
  const int64_t row = unit.window.columns.result * std::max(unit.window.channels, unit.outputs);
  const int64_t least = unit.kind == Unit::dense ? roundUp(64 / unit.window.columns.result + 1, 4) : 4;
  return std::max(least, bandNumbers(unit) / row / 4 * 4);
}
inline int64_t bandPixels(const Unit& unit) {
  return std::max<int64_t>(16, bandNumbers(unit) / std::max(unit.window.channels, unit.outputs) / 8 * 8);
}

/** Reads a unit's source: normalised, through the ReLU, pixel after pixel. */
class Reader {
 public:
  Reader(const Unit& unit, const Source& source)
      : window_(unit.window), source_(source), run_(loops()), line_(window_.columns.input * window_.channels + 16) {
    if (source.norm != nullptr) lines_.emplace(Norm(source.norm, window_.channels), window_.channels);
  }

  /** Pixels first … last, counted over all images. */
  void read(int64_t first, int64_t last, const Room& to) const {
    const int64_t channels = window_.channels, count = (last - first) * channels;
    const Stored from = source_.values + first * source_.pitch;
    if (source_.norm != nullptr) {
      run_.channelScale({from, Stored(), to, count, lines_->period, lines_->centres.data(), lines_->factors.data(),
                         lines_->shifts.data(), nullptr, source_.relu});
    } else if (source_.pitch == channels) {
      run_.copy(to, from, count, source_.relu);
    } else {
      run_.copyPixels({to, channels, from, source_.pitch, last - first, channels, source_.relu});
    }
  }

  /** Rows begin … end of an image. */
  void put(int64_t image, Plane& plane, int64_t begin, int64_t end) const {
    plane.putRows(begin, end, line_.get(), [&](int64_t y, int64_t from, int64_t to, float* place) {
      const int64_t row = (image * window_.rows.input + y) * window_.columns.input;
      read(row + from, row + to, place);
    });
  }

  /** The pixels that a 1×1 window with a stride or padding reads for results first … last of an image. */
  void gather(int64_t image, int64_t first, int64_t last, const Room& room) const {
    for (int64_t result = first; result < last; ++result) {
      const Room to = room + (result - first) * window_.channels;
      const int64_t pixel = pixelUnder(result), place = image * window_.rows.input * window_.columns.input + pixel;
      if (pixel < 0) std::memset(to.data, 0, window_.channels * bytesOf(to.numbers));
      else read(place, place + 1, to);
    }
  }

  /** The pixel of an image that a 1×1 window reads, −1 for padding. */
  int64_t pixelUnder(int64_t result) const {
    const Axis &rows = window_.rows, &columns = window_.columns;
    const int64_t y = result / columns.result * rows.stride - rows.before,
                  x = result % columns.result * columns.stride - columns.before;
    const bool inside = y >= 0 && y < rows.input && x >= 0 && x < columns.input;
    return inside ? y * columns.input + x : -1;
  }

  const NormLines& lines() const { return *lines_; }

 private:
  const Window& window_;
  const Source& source_;
  const Loops& run_;
  std::optional<NormLines> lines_;
  Floats line_;
};

/** Whether results and inputs correspond one to one. */
inline bool everyPixel(const Unit& unit) {
  const auto plain = [](const Axis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.before == 0 && axis.after == 0;
  };
  return plain(unit.window.rows) && plain(unit.window.columns);
}

}  // namespace nasnet::kernels
