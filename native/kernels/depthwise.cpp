// See depthwise.h. An image is copied into a plane that surrounds it with zeros, small enough to stay in the processor's cache, and
// the loops of this processor run over that.
#include "depthwise.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "loops.h"
#include "over-images.h"
#include "plane.h"

namespace nasnet::kernels {

namespace {

const Loops& loopsOf(const Window& window) { return loopsAlong(window.channels); }

int64_t periodOf(const Window& window) { return std::lcm<int64_t>(window.channels, loopsOf(window).width); }

/** Weights as the loops read them: [period / width][column taps][row taps][width], ones for an average. */
Floats pack(const Window& window, const float* weight, const std::vector<int64_t>& rowTaps, const std::vector<int64_t>& columnTaps) {
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

/** How results with a dilation fall into `turns` sets of rows, each of which reads every `apart`-th row of the plane. */
struct RowSets {
  int64_t turns, apart, step;  // apart: rows of the plane from tap to tap; step: of those from result to result
  explicit RowSets(const Axis& rows) {
    const int64_t common = std::gcd(rows.stride, rows.dilation);
    turns = rows.dilation / common;
    apart = rows.dilation;
    step = rows.stride / common;
  }
  int64_t count(int64_t rows, int64_t turn) const { return (rows - turn + turns - 1) / turns; }
};

Plane inputPlane(const Window& window) {
  const Axis &rows = window.rows, &columns = window.columns;
  // Weight gradients take four rows of results at a time, so there are rows below for up to three too many.
  const int64_t more = 4 * rows.dilation * rows.stride;
  return Plane(rows.last() + more, columns.last(), window.channels, columns.stride, rows.before, columns.before);
}

std::vector<ptrdiff_t> columnOffsets(const Window& window, const Plane& plane) {
  std::vector<ptrdiff_t> offsets;
  for (int64_t tap = 0; tap < window.columns.kernel; ++tap) offsets.push_back(plane.column(tap * window.columns.dilation));
  return offsets;
}

/** 1 / the number of real cells under each window of an axis. */
std::vector<float> shares(const Axis& axis, int64_t repeats) {
  std::vector<float> factors;
  for (int64_t index = 0; index < axis.result; ++index) {
    int64_t cells = 0;
    for (int64_t tap = 0; tap < axis.kernel; ++tap) {
      const int64_t place = index * axis.stride + tap * axis.dilation - axis.before;
      if (place >= 0 && place < axis.input) ++cells;
    }
    factors.insert(factors.end(), repeats, 1.0f / static_cast<float>(cells));
  }
  return factors;
}

/** Of an average pool: factors along a row of results, [columns · channels], and for each row. */
struct Average {
  std::vector<float> along, down;
  Average() = default;
  explicit Average(const Window& window) : along(shares(window.columns, window.channels)), down(shares(window.rows, 1)) {}
};

/** From a plane of results' gradients to the input's: for each remainder by the strides a correlation of its own. */
class InputGradient {
 public:
  InputGradient(const Window& window, const float* weight) : window_(window) {
    for (int64_t y = 0; y < window.rows.stride; ++y) rowReaches_.push_back(reach(window.rows, y));
    for (int64_t x = 0; x < window.columns.stride; ++x) columnReaches_.push_back(reach(window.columns, x));
    for (const Reach& row : rowReaches_) {
      for (const Reach& column : columnReaches_) weights_.push_back(pack(window, weight, row.taps, column.taps));
    }
    std::tie(top_, bottom_) = margins(window.rows, rowReaches_);
    std::tie(left_, right_) = margins(window.columns, columnReaches_);
  }

  /** For the gradient of an image's results; four dilated rows more, as weight gradients take them. */
  Plane plane() const {
    const int64_t below = std::max(bottom_, 4 * window_.rows.dilation);
    return Plane(top_ + window_.rows.result + below, left_ + window_.columns.result + right_, window_.channels, 1, top_, left_);
  }

  /** Where the first result's gradient stands in the plane. */
  const float* interior(const Plane& plane) const { return plane.row(top_) + left_ * window_.channels; }

  /** `scattered`: room for an image, used with a stride. */
  void run(const Plane& plane, float* inputGradient, float* scattered) const {
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

 private:
  static std::pair<int64_t, int64_t> margins(const Axis& axis, const std::vector<Reach>& reaches) {
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

  void correlate(const Plane& plane, int64_t y, int64_t x, float* result, int64_t pitch) const {
    const Reach &rows = rowReaches_[y], &columns = columnReaches_[x];
    const int64_t count = (window_.rows.input - y + window_.rows.stride - 1) / window_.rows.stride;
    if (rows.taps.empty() || columns.taps.empty()) {
      std::fill_n(result, count * pitch, 0.0f);
      return;
    }
    std::vector<ptrdiff_t> offsets;
    for (size_t tap = 0; tap < columns.taps.size(); ++tap) {
      offsets.push_back((left_ + columns.first + static_cast<int64_t>(tap) * columns.apart) * window_.channels);
    }
    for (int64_t turn = 0; turn < rows.apart && turn < count; ++turn) {
      loopsOf(window_).correlate({plane.row(top_ + rows.first + turn), plane.pitch() * rows.apart, result + turn * pitch, pitch * rows.apart,
                         (count - turn + rows.apart - 1) / rows.apart, pitch, periodOf(window_),
                         static_cast<int>(rows.taps.size()), 1, static_cast<int>(offsets.size()), offsets.data(),
                         weights_[y * window_.columns.stride + x].get()});
    }
  }

  void scatter(const float* from, int64_t y, int64_t x, int64_t columns, float* to) const {
    const int64_t channels = window_.channels;
    for (int64_t row = y; row < window_.rows.input; row += window_.rows.stride) {
      float* place = to + (row * window_.columns.input + x) * channels;
      for (int64_t column = 0; column < columns; ++column, from += channels, place += window_.columns.stride * channels) {
        loopsOf(window_).copy(place, from, channels, false);
      }
    }
  }

  const Window& window_;
  std::vector<Reach> rowReaches_, columnReaches_;
  std::vector<Floats> weights_;
  int64_t top_ = 0, bottom_ = 0, left_ = 0, right_ = 0;
};

/** Sums of products in float32 for a few hundred terms, then in float64: [channels, kernel rows, kernel columns]. */
class WeightSums {
 public:
  explicit WeightSums(const Window& window)
      : window_(window), period_(periodOf(window)), floats_(window.rows.kernel * window.columns.kernel * period_),
        sums_(floats_.size()) {}

  void add(const Plane& input, const std::vector<ptrdiff_t>& offsets, const float* gradient, int64_t gradientPitch) {
    const RowSets sets(window_.rows);
    for (int64_t turn = 0; turn < sets.turns && turn < window_.rows.result; ++turn) {
      loopsOf(window_).weightGradient({input.row(turn * window_.rows.stride), input.pitch() * sets.apart, gradient + turn * gradientPitch,
                              gradientPitch * sets.turns, sets.count(window_.rows.result, turn),
                              window_.columns.result * window_.channels, period_, static_cast<int>(window_.rows.kernel),
                              static_cast<int>(sets.step), static_cast<int>(offsets.size()), offsets.data(), floats_.data()});
    }
    terms_ += window_.resultFloats() / period_ + 1;
    if (terms_ >= 256) flush();
  }

  void addTo(double* total) {
    flush();
    const int64_t width = loopsOf(window_).width, height = window_.rows.kernel, taps = window_.columns.kernel;
    const double* from = sums_.data();
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

 private:
  void flush() {
    for (size_t index = 0; index < sums_.size(); ++index) sums_[index] += floats_[index];
    std::fill(floats_.begin(), floats_.end(), 0.0f);
    terms_ = 0;
  }

  const Window& window_;
  int64_t period_;
  std::vector<float> floats_;
  std::vector<double> sums_;
  int64_t terms_ = 0;
};

}  // namespace

bool covers(const Window& window) {
  for (const Axis& axis : {window.rows, window.columns}) {
    const int64_t step = axis.stride / std::gcd(axis.stride, axis.dilation);
    if (axis.kernel < 1 || axis.kernel > 7 || axis.stride > 2 || step > 2 || axis.input < 1 || axis.result < 1) return false;
  }
  return window.images > 0 && window.channels > 0;
}

void depthwise(const Window& window, const float* input, const float* weight, bool relu, float* result) {
  const Axis &rows = window.rows, &columns = window.columns;
  const Floats weights = pack(window, weight, allTaps(rows), allTaps(columns));
  const Average average = weight == nullptr ? Average(window) : Average();
  const RowSets sets(rows);
  const int64_t length = columns.result * window.channels;
  overImages(window.images, [&](int64_t, int64_t begin, int64_t end) {
    Plane plane = inputPlane(window);
    const std::vector<ptrdiff_t> offsets = columnOffsets(window, plane);
    for (int64_t image = begin; image < end; ++image) {
      plane.put(input + image * window.inputFloats(), rows.input, columns.input, relu);
      float* to = result + image * window.resultFloats();
      for (int64_t turn = 0; turn < sets.turns && turn < rows.result; ++turn) {
        loopsOf(window).correlate({plane.row(turn * rows.stride), plane.pitch() * sets.apart, to + turn * length, length * sets.turns,
                           sets.count(rows.result, turn), length, periodOf(window), static_cast<int>(rows.kernel),
                           static_cast<int>(sets.step), static_cast<int>(offsets.size()), offsets.data(), weights.get()});
      }
      for (int64_t y = 0; weight == nullptr && y < rows.result; ++y) {
        loopsOf(window).scale(to + y * length, to + y * length, average.along.data(), average.down[y], length);
      }
    }
  });
}

void depthwiseGradients(const Window& window, const float* input, const float* weight, bool relu, const float* gradient,
                        float* inputGradient, float* weightGradient) {
  const Axis &rows = window.rows, &columns = window.columns;
  const InputGradient toInput(window, weight);
  const Average average = weight == nullptr ? Average(window) : Average();
  std::vector<std::vector<double>> sums(at::get_num_threads());
  overImages(window.images, [&](int64_t part, int64_t begin, int64_t end) {
    Plane gradients = toInput.plane();
    Plane inputs = inputPlane(window);
    const Floats scattered(window.inputFloats());
    const std::vector<ptrdiff_t> offsets = columnOffsets(window, inputs);
    WeightSums weightSums(window);
    for (int64_t image = begin; image < end; ++image) {
      const float* from = input == nullptr ? nullptr : input + image * window.inputFloats();
      gradients.put(gradient + image * window.resultFloats(), rows.result, columns.result, false,
                    weight == nullptr ? average.along.data() : nullptr, average.down.data());
      if (weightGradient != nullptr) {
        inputs.put(from, rows.input, columns.input, relu);
        weightSums.add(inputs, offsets, toInput.interior(gradients), gradients.pitch());
      }
      if (inputGradient != nullptr) {
        float* to = inputGradient + image * window.inputFloats();
        toInput.run(gradients, to, scattered.get());
        if (relu) loopsOf(window).mask(to, from, window.inputFloats());
      }
    }
    if (weightGradient != nullptr) {
      sums[part].resize(window.channels * rows.kernel * columns.kernel);
      weightSums.addTo(sums[part].data());
    }
  });
  if (weightGradient == nullptr) return;
  for (size_t index = 0; index < sums[0].size(); ++index) {
    double total = 0;
    for (const std::vector<double>& each : sums) total += each.empty() ? 0 : each[index];
    weightGradient[index] = static_cast<float>(total);
  }
}

}  // namespace nasnet::kernels
