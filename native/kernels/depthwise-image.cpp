// See depthwise-image.h.
#include "depthwise-image.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace nasnet::kernels {

const Loops& loopsOf(const Window& window) { return loopsAlong(window.channels); }

namespace {

constexpr int64_t weightSumTerms = 256;  // summed in float32 before float64 takes over

int64_t periodOf(const Window& window) { return std::lcm<int64_t>(window.channels, loopsOf(window).width); }

/** Weights as the loops read them: [period / width][column taps][row taps][width], ones for an average. */
Floats pack(const Window& window, const float* weight, const std::vector<int64_t>& rowTaps,
            const std::vector<int64_t>& columnTaps) {
  const int64_t width = loopsOf(window).width, period = periodOf(window);
  Floats packed(period * rowTaps.size() * columnTaps.size());
  float* to = packed.get();
  for (int64_t phase = 0; phase < period; phase += width) {
    for (const int64_t column : columnTaps) {
      for (const int64_t row : rowTaps) {
        for (int64_t lane = 0; lane < width; ++lane) {
          const int64_t channel = (phase + lane) % window.channels;
          *to++ = weight == nullptr ? 1 : weight[(channel * window.rows.kernel + row) * window.columns.kernel + column];
        }
      }
    }
  }
  return packed;
}

std::vector<int64_t> allTaps(const Axis& axis) {
  std::vector<int64_t> taps(axis.kernel);
  std::iota(taps.begin(), taps.end(), 0);
  return taps;
}

/**
 * How results with a dilation fall into `turns` sets of rows, each of which reads every `apart`-th row of the plane.
 */
struct RowSets {
  int64_t turns, apart, step;  // apart: rows of the plane between taps; step: of these rows between results
  explicit RowSets(const Axis& rows) {
    const int64_t common = std::gcd(rows.stride, rows.dilation);
    turns = rows.dilation / common;
    apart = rows.dilation;
    step = rows.stride / common;
  }
  int64_t count(int64_t rows, int64_t turn) const { return (rows - turn + turns - 1) / turns; }
};

std::pair<int64_t, int64_t> margins(const Axis& axis, const std::vector<Reach>& reaches) {
  int64_t before = 0, after = 0;
  for (size_t remainder = 0; remainder < reaches.size(); ++remainder) {
    const Reach& each = reaches[remainder];
    if (each.taps.empty()) continue;
    const int64_t inputs = (axis.input - static_cast<int64_t>(remainder) + axis.stride - 1) / axis.stride;
    const int64_t last = inputs - 1 + each.first + (static_cast<int64_t>(each.taps.size()) - 1) * each.apart;
    before = std::max(before, -each.first);
    after = std::max(after, last - (axis.result - 1));
  }
  return {before, after};
}

}  // namespace

Plane inputPlane(const Window& window, int64_t below) {
  const Axis &rows = window.rows, &columns = window.columns;
  return Plane(rows.last() + below, columns.last(), window.channels, columns.stride, rows.before, columns.before,
               rows.input, columns.input);
}

Plane inputPlaneForWeights(const Window& window) {
  return inputPlane(window, 4 * window.rows.dilation * window.rows.stride);
}

std::vector<ptrdiff_t> columnOffsets(const Window& window, const Plane& plane) {
  std::vector<ptrdiff_t> offsets;
  for (int64_t tap = 0; tap < window.columns.kernel; ++tap)
    offsets.push_back(plane.column(tap * window.columns.dilation));
  return offsets;
}

Floats packedDepthwise(const Window& window, const float* weight) {
  return pack(window, weight, allTaps(window.rows), allTaps(window.columns));
}

DepthwiseRows::DepthwiseRows(const Window& window, const Plane& plane, const float* packed)
    : window_(window), weights_(packed), offsets_(columnOffsets(window, plane)) {}

void DepthwiseRows::run(const Plane& plane, int64_t y, int64_t count, float* result) const {
  const Axis& rows = window_.rows;
  const RowSets sets(rows);
  const int64_t length = window_.columns.result * window_.channels;
  for (int64_t turn = 0; turn < sets.turns && turn < count; ++turn) {
    loopsOf(window_).correlate({plane.row((y + turn) * rows.stride), plane.pitch() * sets.apart, result + turn * length,
                                length * sets.turns, sets.count(count, turn), length, periodOf(window_),
                                static_cast<int>(rows.kernel), static_cast<int>(sets.step),
                                static_cast<int>(offsets_.size()), offsets_.data(), weights_});
  }
}

InputGradient::InputGradient(const Window& window, const float* weight) : window_(window) {
  for (int64_t y = 0; y < window.rows.stride; ++y) rowReaches_.push_back(reach(window.rows, y));
  for (int64_t x = 0; x < window.columns.stride; ++x) columnReaches_.push_back(reach(window.columns, x));
  for (const Reach& row : rowReaches_) {
    for (const Reach& column : columnReaches_) weights_.push_back(pack(window, weight, row.taps, column.taps));
  }
  std::tie(top_, bottom_) = margins(window.rows, rowReaches_);
  std::tie(left_, right_) = margins(window.columns, columnReaches_);
  for (const Reach& column : columnReaches_) {
    std::vector<ptrdiff_t>& own = offsets_.emplace_back();
    for (size_t tap = 0; tap < column.taps.size(); ++tap)
      own.push_back((left_ + column.first + static_cast<int64_t>(tap) * column.apart) * window.channels);
  }
}

Plane InputGradient::plane() const {
  const int64_t below = std::max(bottom_, 4 * window_.rows.dilation);
  return Plane(top_ + window_.rows.result + below, left_ + window_.columns.result + right_, window_.channels, 1, top_,
               left_, window_.rows.result, window_.columns.result);
}

void InputGradient::run(const Plane& plane, float* inputGradient, float* scattered) const {
  const int64_t strideY = window_.rows.stride, strideX = window_.columns.stride;
  for (int64_t y = 0; y < strideY; ++y) {
    for (int64_t x = 0; x < strideX; ++x) {
      if (strideY == 1 && strideX == 1) {
        correlate(plane, y, x, inputGradient, window_.columns.input * window_.channels);
      } else {
        const int64_t columns = (window_.columns.input - x + strideX - 1) / strideX;
        correlate(plane, y, x, scattered, columns * window_.channels);
        scatter(scattered, y, x, columns, inputGradient);
      }
    }
  }
}

void InputGradient::correlate(const Plane& plane, int64_t y, int64_t x, float* result, int64_t pitch) const {
  const Reach &rows = rowReaches_[y], &columns = columnReaches_[x];
  const int64_t count = (window_.rows.input - y + window_.rows.stride - 1) / window_.rows.stride;
  if (rows.taps.empty() || columns.taps.empty()) {
    std::fill_n(result, count * pitch, 0.0f);
    return;
  }
  const std::vector<ptrdiff_t>& offsets = offsets_[x];
  for (int64_t turn = 0; turn < rows.apart && turn < count; ++turn) {
    loopsOf(window_).correlate(
        {plane.row(top_ + rows.first + turn), plane.pitch() * rows.apart, result + turn * pitch, pitch * rows.apart,
         (count - turn + rows.apart - 1) / rows.apart, pitch, periodOf(window_), static_cast<int>(rows.taps.size()), 1,
         static_cast<int>(offsets.size()), offsets.data(), weights_[y * window_.columns.stride + x].get()});
  }
}

void InputGradient::scatter(const float* from, int64_t y, int64_t x, int64_t columns, float* to) const {
  const int64_t channels = window_.channels;
  for (int64_t row = y; row < window_.rows.input; row += window_.rows.stride) {
    float* place = to + (row * window_.columns.input + x) * channels;
    for (int64_t column = 0; column < columns; ++column, from += channels, place += window_.columns.stride * channels) {
      loopsOf(window_).copy(place, from, channels, false);
    }
  }
}

WeightSums::WeightSums(const Window& window, const Plane& plane)
    : window_(window), period_(periodOf(window)), offsets_(columnOffsets(window, plane)),
      sums_(window.rows.kernel * window.columns.kernel * period_, weightSumTerms) {}

void WeightSums::add(const Plane& input, const float* gradient, int64_t pitch) {
  const RowSets sets(window_.rows);
  for (int64_t turn = 0; turn < sets.turns && turn < window_.rows.result; ++turn) {
    loopsOf(window_).weightGradient({input.row(turn * window_.rows.stride), input.pitch() * sets.apart,
                                     gradient + turn * pitch, pitch * sets.turns, sets.count(window_.rows.result, turn),
                                     window_.columns.result * window_.channels, period_,
                                     static_cast<int>(window_.rows.kernel), static_cast<int>(sets.step),
                                     static_cast<int>(offsets_.size()), offsets_.data(), sums_.floats()});
  }
  sums_.added(window_.resultFloats() / period_ + 1);
}

void WeightSums::addTo(double* total) {
  const int64_t width = loopsOf(window_).width, height = window_.rows.kernel, taps = window_.columns.kernel;
  const double* from = sums_.sums().data();
  for (int64_t phase = 0; phase < period_; phase += width) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t row = 0; row < height; ++row) {
        for (int64_t lane = 0; lane < width; ++lane) {
          const int64_t channel = (phase + lane) % window_.channels;
          total[(channel * height + row) * taps + tap] += *from++;
        }
      }
    }
  }
}

}  // namespace nasnet::kernels
