// One image in the layout of the loops: with a border of zeros (or −∞), and for a stride of 2 with separate even and
// odd columns, so that neighbouring results read neighbouring floats.
#pragma once

#include <algorithm>
#include <cstdint>

#include "loops/loops.h"
#include "scratch.h"

namespace nasnet::kernels {

/** Floats aligned to a cache line, not initialised; a line beyond them is readable. */
class Floats {
 public:
  explicit Floats(int64_t count) : block_(static_cast<size_t>(count) * 4 + 64) {}
  float* get() const { return static_cast<float*>(block_.get()); }

 private:
  ScratchBlock block_;
};

inline int64_t bytesOf(Numbers numbers) { return numbers == Numbers::bf16 ? 2 : 4; }

/** Memory for numbers of either type. */
class Tile {
 public:
  Tile(Numbers numbers, int64_t count)
      : numbers_(numbers), floats_(numbers == Numbers::bf16 ? (count + 1) / 2 : count) {}
  Room room() const { return {floats_.get(), numbers_}; }

 private:
  Numbers numbers_;
  Floats floats_;
};

class Plane {
 public:
  /**
   * `rows` by `columns` cells filled with `fill`; images of [height, width] are put at (top, left), and what does not
   * fit is cut off. What lies under an image is not initialised.
   */
  Plane(int64_t rows, int64_t columns, int64_t channels, int64_t stride, int64_t top, int64_t left, int64_t height,
        int64_t width, float fill = 0);

  /** Rows `begin` to `end` of an image of [height, width, channels]; beyond it there is nothing. */
  void put(const Stored& image, int64_t begin, int64_t end, bool relu);

  /** A whole image, multiplied by `factors` [width · channels] and `rowFactors` [height]. */
  void putScaled(const Stored& image, const float* factors, const float* rowFactors);

  /**
   * Rows `begin` to `end` that read(y, first, last, to) writes: columns `first` to `last` of row y, pixel after pixel.
   */
  template <typename Read>
  void putRows(int64_t begin, int64_t end, float* line, const Read& read) const {
    const auto [firstRow, lastRow, first, last] = inside();
    for (int64_t y = std::max(begin, firstRow); y < std::min(end, lastRow) && first < last; ++y) {
      float* to = row(y + top_);
      if (stride_ == 1) {
        read(y, first, last, to + column(first + left_));
      } else {
        read(y, first, last, line);
        for (int64_t x = first; x < last; ++x)
          std::copy_n(line + (x - first) * channels_, channels_, to + column(x + left_));
      }
    }
  }

  void fill(float value) const { std::fill_n(data_.get(), rows_ * pitch_, value); }

  /** The image [height, width, channels] out of the plane; 0 where it was cut off. */
  void take(float* image) const;

  float* row(int64_t y) const { return data_.get() + y * pitch_; }
  int64_t pitch() const { return pitch_; }
  /** Returns the place of column x in its row, in floats. */
  int64_t column(int64_t x) const { return (x % stride_ * subcolumns_ + x / stride_) * channels_; }

 private:
  struct Inside {
    int64_t firstRow, lastRow, firstColumn, lastColumn;
  };
  /** Returns the part of an image that is not cut off. */
  Inside inside() const {
    return {std::max<int64_t>(0, -top_), std::min(height_, rows_ - top_), std::max<int64_t>(0, -left_),
            std::min(width_, columns_ - left_)};
  }

  int64_t rows_, columns_, channels_, stride_, top_, left_, height_, width_;
  int64_t subcolumns_, pitch_;
  Floats data_;
};

}  // namespace nasnet::kernels
