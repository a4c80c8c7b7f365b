// One image as the loops want it: surrounded by zeros (or −∞), and for a stride of 2 with its even and odd columns apart, so that
// neighbouring results read neighbouring floats.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "loops.h"

namespace nasnet::kernels {

/** Floats on a cache line's boundary, not initialised. */
class Floats {
 public:
  explicit Floats(int64_t count) : data_(static_cast<float*>(std::aligned_alloc(64, (count * 4 + 127) / 64 * 64))) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  float* get() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float, Free> data_;
};

inline int64_t bytesOf(Numbers numbers) { return numbers == Numbers::bf16 ? 2 : 4; }

/** Room for numbers of either kind. */
class Tile {
 public:
  Tile(Numbers numbers, int64_t count) : numbers_(numbers), floats_(numbers == Numbers::bf16 ? (count + 1) / 2 : count) {}
  Room room() const { return {floats_.get(), numbers_}; }

 private:
  Numbers numbers_;
  Floats floats_;
};

class Plane {
 public:
  /** `rows` by `columns` cells filled with `fill`; images are put at (top, left), and what does not fit is cut off. */
  Plane(int64_t rows, int64_t columns, int64_t channels, int64_t stride, int64_t top, int64_t left, float fill = 0);

  /** An image of [height, width, channels]; `factors` [width · channels] and `rowFactors` [height] multiply it if given. */
  void put(const Stored& image, int64_t height, int64_t width, bool relu, const float* factors = nullptr,
           const float* rowFactors = nullptr);

  /** The same of rows that read(y, first, last, to) writes: columns `first` to `last` of row y, pixel after pixel. */
  template <typename Read>
  void putRows(int64_t height, int64_t width, float* line, const Read& read) const {
    const int64_t firstRow = std::max<int64_t>(0, -top_), lastRow = std::min(height, rows_ - top_);
    const int64_t first = std::max<int64_t>(0, -left_), last = std::min(width, columns_ - left_);
    for (int64_t y = firstRow; y < lastRow && first < last; ++y) {
      float* to = row(y + top_);
      if (stride_ == 1) {
        read(y, first, last, to + column(first + left_));
      } else {
        read(y, first, last, line);
        for (int64_t x = first; x < last; ++x) std::copy_n(line + (x - first) * channels_, channels_, to + column(x + left_));
      }
    }
  }

  void fill(float value) const { std::fill_n(data_.get(), rows_ * pitch_, value); }

  /** The image [height, width, channels] out of the plane; 0 where it was cut off. */
  void take(int64_t height, int64_t width, float* image) const;

  float* row(int64_t y) const { return data_.get() + y * pitch_; }
  int64_t pitch() const { return pitch_; }
  /** Where column x stands in its row, in floats. */
  int64_t column(int64_t x) const { return (x % stride_ * subcolumns_ + x / stride_) * channels_; }

 private:
  int64_t rows_, columns_, channels_, stride_, top_, left_;
  int64_t subcolumns_, pitch_;
  Floats data_;
};

}  // namespace nasnet::kernels
