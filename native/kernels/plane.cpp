// See plane.h.
#include "plane.h"

#include <algorithm>

#include "loops/loops.h"

namespace nasnet::kernels {

// Beyond each row there is a vector's width of filling: loops run to the end of their last vector.
Plane::Plane(int64_t rows, int64_t columns, int64_t channels, int64_t stride, int64_t top, int64_t left, int64_t height,
             int64_t width, float fill)
    : rows_(rows), columns_(columns), channels_(channels), stride_(stride), top_(top), left_(left), height_(height),
      width_(width), subcolumns_((columns + stride - 1) / stride),
      pitch_(subcolumns_ * stride * channels + loops().width), data_(rows * pitch_ + loops().width) {
  const auto [firstRow, lastRow, firstColumn, lastColumn] = inside();
  // From where an image's pixels end to where the next ones start, for each of the sets of columns that a stride makes.
  float* from = data_.get();
  for (int64_t y = firstRow + top; y < lastRow + top; ++y) {
    for (int64_t set = 0; set < stride; ++set) {
      // of the first from x on
      const auto place = [&](int64_t x) { return std::max<int64_t>(0, x + left - set + stride - 1) / stride; };
      const int64_t first = place(firstColumn), last = place(lastColumn);
      if (first >= last) continue;
      float* pixels = row(y) + set * subcolumns_ * channels;
      std::fill(from, pixels + first * channels, fill);
      from = pixels + last * channels;
    }
  }
  std::fill(from, row(rows) + loops().width, fill);
}

void Plane::put(const Stored& image, int64_t begin, int64_t end, bool relu) {
  const auto [firstRow, lastRow, firstColumn, lastColumn] = inside();
  for (int64_t y = std::max(begin, firstRow); y < std::min(end, lastRow) && firstColumn < lastColumn; ++y) {
    Stored from = image + (y * width_ + firstColumn) * channels_;
    float* to = row(y + top_);
    if (stride_ == 1) {
      loops().copy(to + column(firstColumn + left_), from, (lastColumn - firstColumn) * channels_, relu);
    } else {
      for (int64_t x = firstColumn; x < lastColumn; ++x, from = from + channels_)
        loops().copy(to + column(x + left_), from, channels_, relu);
    }
  }
}

void Plane::putScaled(const Stored& image, const float* factors, const float* rowFactors) {
  const auto [firstRow, lastRow, firstColumn, lastColumn] = inside();
  for (int64_t y = firstRow; y < lastRow && firstColumn < lastColumn; ++y) {
    loops().scale(row(y + top_) + column(firstColumn + left_), image + (y * width_ + firstColumn) * channels_, factors,
                  rowFactors[y], (lastColumn - firstColumn) * channels_);
  }
}

void Plane::take(float* image) const {
  const auto [firstRow, lastRow, firstColumn, lastColumn] = inside();
  if (firstRow > 0 || lastRow < height_ || firstColumn > 0 || lastColumn < width_)
    std::fill_n(image, height_ * width_ * channels_, 0.0f);
  for (int64_t y = firstRow; y < lastRow && firstColumn < lastColumn; ++y) {
    float* to = image + (y * width_ + firstColumn) * channels_;
    for (int64_t x = firstColumn; x < lastColumn; x += stride_ == 1 ? lastColumn - firstColumn : 1) {
      const int64_t pixels = stride_ == 1 ? lastColumn - firstColumn : 1;
      std::copy_n(row(y + top_) + column(x + left_), pixels * channels_, to);
      to += pixels * channels_;
    }
  }
}

}  // namespace nasnet::kernels
