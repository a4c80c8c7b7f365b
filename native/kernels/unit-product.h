// The products of a unit: of float32 where it lies, or of operands that are rounded to bf16 and packed in pairs, with
// sums in float32.
#pragma once

#include <algorithm>
#include <cstdint>

#include "loops/loops.h"
#include "plane.h"

namespace nasnet::kernels {

inline int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/** Returns the number type of a tile for products of these numbers: bf16 only if rows are whole pairs. */
inline Numbers tileOf(Numbers numbers, int64_t columns) { return columns % 2 == 0 ? numbers : Numbers::float32; }

/** Numbers or pairs that stand for a depth. */
inline int64_t places(Numbers numbers, int64_t depth) { return numbers == Numbers::bf16 ? (depth + 1) / 2 : depth; }

inline void multiply(Numbers numbers, const Product& product) {
  if (numbers == Numbers::bf16) loops().pairProduct(product);
  else loops().product(product);
}

/**
 * The right sides of products, one in each section: [depth, columns] of value(section, k, n), rows rounded up to whole
 * vectors.
 */
class Right {
 public:
  template <typename Value>
  Right(Numbers numbers, int64_t sections, int64_t depth, int64_t columns, const Value& value)
      : numbers_(numbers), depth_(places(numbers, depth)), columns_(columns), pitch_(roundUp(columns, 16)),
        values_(sections * depth_ * pitch_ + 16) {
    const Floats rows(numbers == Numbers::bf16 ? depth * pitch_ + 16 : 0);
    for (int64_t section = 0; section < sections; ++section) {
      float* own = values_.get() + section * depth_ * pitch_;
      float* to = numbers == Numbers::bf16 ? rows.get() : own;
      for (int64_t first = 0; first < pitch_; first += 16) {  // 16 columns at a time: a weight is read along its depth
        const int64_t last = std::min(first + 16, columns);
        for (int64_t k = 0; k < depth; ++k) {
          float* row = to + k * pitch_;
          for (int64_t n = first; n < last; ++n) row[n] = value(section, k, n);
          std::fill(row + last, row + first + 16, 0.0f);
        }
      }
      if (numbers == Numbers::bf16) loops().packPairs({own, pitch_, to, pitch_, depth, pitch_});
    }
  }

  Numbers numbers() const { return numbers_; }
  int64_t columns() const { return columns_; }

 private:
  friend class Left;
  Numbers numbers_;
  int64_t depth_, columns_, pitch_;
  Floats values_;
};

/** The left side of products with a Right: rows of numbers, taken in before. */
class Left {
 public:
  /** Up to `rows` rows of `depth` numbers. */
  Left(Numbers numbers, int64_t rows, int64_t depth)
      : numbers_(numbers), depth_(depth), room_(numbers == Numbers::bf16 ? rows * places(numbers, depth) + 32 : 0) {}

  /**
   * Rows `pitch` numbers apart, readable a vector's width beyond their end; they must stay as long as products are
   * made. Of float32, or of bf16 in whole pairs.
   */
  void take(const Stored& values, int64_t pitch, int64_t rows) {
    if (numbers_ == Numbers::float32) {
      values_ = values.floats();
      pitch_ = pitch;
    } else if (values.numbers == Numbers::bf16) {
      values_ = values.floats();
      pitch_ = pitch / 2;
    } else {
      values_ = room_.get();
      pitch_ = places(numbers_, depth_);
      loops().packRows({room_.get(), pitch_, values, pitch, rows, depth_});
    }
  }

  struct Result {
    float* to;
    int64_t pitch;
    bool add = false;
    const float* mask = nullptr;  // as a Product has it
    int64_t maskPitch = 0;
    Ahead* ahead = nullptr;
  };

  /** Rows `first` … of the left side times a section of the right one. */
  void times(const Right& right, int64_t section, int64_t first, int64_t rows, const Result& result) const {
    const float *left = values_ + first * pitch_, *own = right.values_.get() + section * right.depth_ * right.pitch_;
    const Product product{left, pitch_,         false,        own,        right.pitch_, result.to,        result.pitch,
                          rows, right.columns_, right.depth_, result.add, result.mask,  result.maskPitch, result.ahead};
    multiply(numbers_, product);
  }

 private:
  Numbers numbers_;
  int64_t depth_;
  Floats room_;
  const float* values_ = nullptr;
  int64_t pitch_ = 0;
};

/** A side of products that sum over pixels, as weights' gradients do: [pixels, channels], taken in before. */
class Pixelwise {
 public:
  Pixelwise(Numbers numbers, int64_t pixels, int64_t channels)
      : numbers_(numbers), channels_(channels),
        room_(numbers == Numbers::bf16 ? places(numbers, pixels) * channels + 32 : 0) {}

  /** Pixel after pixel, readable a vector's width beyond their end; they must stay as long as products are made. */
  void take(const Stored& values, int64_t pixels) {
    depth_ = places(numbers_, pixels);
    values_ = values.floats();
    if (numbers_ == Numbers::float32) return;
    loops().packPairs({room_.get(), channels_, values, channels_, pixels, channels_});
    values_ = room_.get();
  }

  /** sums [channels, right.channels] += Σ over pixels of the products of this and the right side. */
  void addTo(float* sums, const Pixelwise& right, Ahead* ahead = nullptr) const {
    const Product product{values_,   channels_,       true,   right.values_, right.channels_, sums, right.channels_,
                          channels_, right.channels_, depth_, true,          nullptr,         0,    ahead};
    multiply(numbers_, product);
  }

 private:
  Numbers numbers_;
  int64_t channels_;
  Floats room_;
  const float* values_ = nullptr;
  int64_t depth_ = 0;
};

}  // namespace nasnet::kernels
