// See plane.h.
#include "plane.h"

#include <algorithm>

#include "loops.h"

namespace nasnet::kernels {

// Beyond each row there is a vector's width of filling: loops run to the end of their last vector.
Plane::Plane(int64_t rows, int64_t columns, int64_t channels, int64_t stride, int64_t top, int64_t left, float fill)
    : rows_(rows), columns_(columns), channels_(channels), stride_(stride), top_(top), left_(left),
      subcolumns_((columns + stride - 1) / stride), pitch_(subcolumns_ * stride * channels + loops().width),
      data_(rows * pitch_ + loops().width) {
  std::fill_n(data_.get(), rows * pitch_ + loops().width, fill);
}

void Plane::put(const Stored& image, int64_t height, int64_t width, bool relu, const float* factors, const float* rowFactors) {
  const Loops& run = loops();
  const int64_t firstRow = std::max<int64_t>(0, -top_), lastRow = std::min(height, rows_ - top_);
  const int64_t firstColumn = std::max<int64_t>(0, -left_), lastColumn = std::min(width, columns_ - left_);
  if (lastColumn <= firstColumn) return;
  for (int64_t y = firstRow; y < lastRow; ++y) {
    Stored from = image + (y * width + firstColumn) * channels_;
    float* to = row(y + top_);
    if (factors != nullptr) {
      run.scale(to + column(firstColumn + left_), from, factors, rowFactors[y], (lastColumn - firstColumn) * channels_);
    } else if (stride_ == 1) {
      run.copy(to + column(firstColumn + left_), from, (lastColumn - firstColumn) * channels_, relu);
    } else {
      for (int64_t x = firstColumn; x < lastColumn; ++x, from = from + channels_) {
        run.copy(to + column(x + left_), from, channels_, relu);
      }
    }
  }
}

void Plane::take(int64_t height, int64_t width, float* image) const {
  const int64_t firstRow = std::max<int64_t>(0, -top_), lastRow = std::min(height, rows_ - top_);
  const int64_t firstColumn = std::max<int64_t>(0, -left_), lastColumn = std::min(width, columns_ - left_);
  if (firstRow > 0 || lastRow < height || firstColumn > 0 || lastColumn < width) std::fill_n(image, height * width * channels_, 0.0f);
  for (int64_t y = firstRow; y < lastRow && firstColumn < lastColumn; ++y) {
    float* to = image + (y * width + firstColumn) * channels_;
    for (int64_t x = firstColumn; x < lastColumn; x += stride_ == 1 ? lastColumn - firstColumn : 1) {
      const int64_t pixels = stride_ == 1 ? lastColumn - firstColumn : 1;
      std::copy_n(row(y + top_) + column(x + left_), pixels * channels_, to);
      to += pixels * channels_;
    }
  }
}

}  // namespace nasnet::kernels
