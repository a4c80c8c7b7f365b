// See unit.h.
#include "unit.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "channel-lines.h"
#include "depthwise-image.h"
#include "over-images.h"

namespace nasnet::kernels {

namespace {

constexpr int64_t bandFloats = 4096;      // 16 KiB: a band's tiles of both sides fit the first-level cache
constexpr int64_t weightSumPixels = 1024; // summed in float32 before float64 takes over

int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/** Rows (of a depthwise convolution) or pixels of the result that are worked on at a time. */
int64_t bandRows(const Unit& unit) {
  const int64_t row = unit.window.columns.result * std::max(unit.window.channels, unit.outputs);
  return std::max<int64_t>(4, bandFloats / row / 4 * 4);
}
int64_t bandPixels(const Unit& unit) {
  return std::max<int64_t>(16, 2 * bandFloats / std::max(unit.window.channels, unit.outputs) / 8 * 8);
}

/** A weight as the right side of a product: [depth, columns], rows rounded up to whole vectors. */
struct Right {
  int64_t pitch;
  Floats values;

  /** from[k · kStep + n · nStep] */
  Right(const float* from, int64_t depth, int64_t columns, int64_t kStep, int64_t nStep)
      : pitch(roundUp(columns, 16)), values(depth * pitch + 16) {
    std::fill_n(values.get(), depth * pitch + 16, 0.0f);
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t n = 0; n < columns; ++n) values.get()[k * pitch + n] = from[k * kStep + n * nStep];
    }
  }
};

/** Reads a unit's source: normalised, through the ReLU, pixel after pixel. */
class Reader {
 public:
  Reader(const Unit& unit, const Source& source)
      : window_(unit.window), source_(source), run_(loops()),
        line_(window_.columns.input * window_.channels + 16) {
    if (source.norm != nullptr) lines_.emplace(Norm(source.norm, window_.channels), window_.channels);
  }

  /** Pixels first … last, counted over all images. */
  void read(int64_t first, int64_t last, float* to) const {
    const int64_t channels = window_.channels, count = (last - first) * channels;
    const float* from = source_.values + first * source_.pitch;
    if (source_.norm != nullptr) {
      run_.channelScale({from, nullptr, to, count, lines_->period, lines_->centres.data(), lines_->factors.data(),
                         lines_->shifts.data(), nullptr, source_.relu});
    } else if (source_.pitch == channels) {
      run_.copy(to, from, count, source_.relu);
    } else {
      run_.copyPixels({to, channels, from, source_.pitch, last - first, channels, source_.relu});
    }
  }

  void put(int64_t image, Plane& plane) const {
    const int64_t height = window_.rows.input, width = window_.columns.input;
    plane.putRows(height, width, line_.get(), [&](int64_t y, int64_t from, int64_t to, float* place) {
      const int64_t row = (image * height + y) * width;
      read(row + from, row + to, place);
    });
  }

  /** The pixels that a 1×1 window with a stride or padding reads for results first … last of an image. */
  void gather(int64_t image, int64_t first, int64_t last, float* to) const {
    for (int64_t result = first; result < last; ++result, to += window_.channels) {
      const int64_t pixel = pixelUnder(result), place = image * window_.rows.input * window_.columns.input + pixel;
      if (pixel < 0) std::fill_n(to, window_.channels, 0.0f);
      else read(place, place + 1, to);
    }
  }

  /** The pixel of an image that a 1×1 window reads, −1 for padding. */
  int64_t pixelUnder(int64_t result) const {
    const Axis &rows = window_.rows, &columns = window_.columns;
    const int64_t y = result / columns.result * rows.stride - rows.before, x = result % columns.result * columns.stride - columns.before;
    const bool inside = y >= 0 && y < rows.input && x >= 0 && x < columns.input;
    return inside ? y * columns.input + x : -1;
  }

  /** Whether it can be read where it lies. */
  bool asItIs() const { return source_.norm == nullptr && source_.pitch == window_.channels && !source_.relu; }

  const NormLines& lines() const { return *lines_; }

 private:
  const Window& window_;
  const Source& source_;
  const Loops& run_;
  std::optional<NormLines> lines_;
  Floats line_;
};

/** Whether results and inputs correspond one to one. */
bool everyPixel(const Unit& unit) {
  const auto plain = [](const Axis& axis) { return axis.kernel == 1 && axis.stride == 1 && axis.before == 0 && axis.after == 0; };
  return plain(unit.window.rows) && plain(unit.window.columns);
}

/** Mean and squared distances from it, merged over parts of the batch. */
class BatchMoments {
 public:
  explicit BatchMoments(int64_t channels) : totals_(channels), channels_(channels) {}

  void add(const float* pixels, int64_t count) {
    // Around the first pixel's values, not around 0: squares of a mean far from 0 would swallow the variance.
    if (centres_.empty()) centres_ = tiled(lineOf(channels_), channels_, [&](int64_t c) { return pixels[c]; });
    loops().channelSums({pixels, nullptr, count * channels_, static_cast<ptrdiff_t>(centres_.size()), centres_.data(), totals_.sums(),
                         totals_.products()});
    totals_.add();
    count_ += count;
  }

  /** Chan, Golub and LeVeque's rule for two parts. */
  void mergeInto(std::vector<double>& mean, std::vector<double>& squares, int64_t& count) const {
    if (count_ == 0) return;
    for (int64_t channel = 0; channel < channels_; ++channel) {
      const double own = static_cast<double>(count_), other = static_cast<double>(count);
      const double away = totals_.sum(channel) / own;
      const double ownMean = centres_[channel] + away, ownSquares = totals_.product(channel) - own * away * away;
      const double apart = ownMean - mean[channel];
      squares[channel] += ownSquares + apart * apart * own * other / (own + other);
      mean[channel] += apart * own / (own + other);
    }
    count += count_;
  }

 private:
  ChannelTotals totals_;
  int64_t channels_, count_ = 0;
  std::vector<float> centres_;
};

}  // namespace

Moments unitForward(const Unit& unit, const Source& source, const float* depthwiseWeight, const float* pointwiseWeight,
                    bool statistics, float* raw) {
  const Window& window = unit.window;
  const int64_t channels = window.channels, outputs = unit.outputs, pixels = unit.resultPixels();
  const Right right(pointwiseWeight, channels, outputs, 1, channels);
  std::vector<BatchMoments> parts(at::get_num_threads(), BatchMoments(outputs));
  overImages(window.images, [&](int64_t part, int64_t begin, int64_t end) {
    const Reader reader(unit, source);
    const auto multiply = [&](const float* tile, int64_t first, int64_t count) {  // `first` counts pixels over all images
      float* to = raw + first * outputs;
      loops().product({tile, channels, false, right.values.get(), right.pitch, to, outputs, count, outputs, channels, false});
      if (statistics) parts[part].add(to, count);
    };
    if (unit.depthwise) {
      const int64_t rows = bandRows(unit), row = window.columns.result;
      Plane plane = inputPlane(window);
      const DepthwiseRows pass(window, plane, depthwiseWeight);
      const Floats tile(rows * row * channels + 16);
      for (int64_t image = begin; image < end; ++image) {
        reader.put(image, plane);
        for (int64_t y = 0; y < window.rows.result; y += rows) {
          const int64_t count = std::min(rows, window.rows.result - y);
          pass.run(plane, y, count, tile.get());
          multiply(tile.get(), image * pixels + y * row, count * row);
        }
      }
    } else {
      const int64_t band = bandPixels(unit);
      const bool every = everyPixel(unit);
      const Floats tile(band * channels + 16);
      for (int64_t image = begin; image < end; ++image) {
        for (int64_t first = 0; first < pixels; first += band) {
          const int64_t last = std::min(first + band, pixels), place = image * pixels;
          if (every && reader.asItIs()) {
            multiply(source.values + (place + first) * channels, place + first, last - first);
            continue;
          }
          if (every) reader.read(place + first, place + last, tile.get());
          else reader.gather(image, first, last, tile.get());
          multiply(tile.get(), place + first, last - first);
        }
      }
    }
  });
  Moments moments{std::vector<double>(outputs), std::vector<double>(outputs)};
  int64_t count = 0;
  for (const BatchMoments& part : parts) part.mergeInto(moments.mean, moments.variance, count);
  for (double& each : moments.variance) each = each < 0 ? 0 : each / static_cast<double>(std::max<int64_t>(count, 1));  // NaN stays
  return moments;
}

namespace {

/** Sums of the pointwise weight's gradient, [channels, outputs]. */
class PointwiseSums {
 public:
  PointwiseSums(int64_t channels, int64_t outputs)
      : channels_(channels), outputs_(outputs), floats_(channels * outputs), sums_(channels * outputs) {}

  /** tile [count, channels], gradient [count, outputs], both readable a vector's width beyond their end */
  void add(const float* tile, const float* gradient, int64_t count) {
    loops().product({tile, channels_, true, gradient, outputs_, floats_.data(), outputs_, channels_, outputs_, count, pixels_ > 0});
    pixels_ += count;
    if (pixels_ >= weightSumPixels) flush();
  }

  void flush() {
    if (pixels_ == 0) return;
    for (size_t index = 0; index < sums_.size(); ++index) sums_[index] += floats_[index];
    pixels_ = 0;
  }

  const std::vector<double>& sums() const { return sums_; }

 private:
  int64_t channels_, outputs_, pixels_ = 0;
  std::vector<float> floats_;
  std::vector<double> sums_;
};

/** One thread's share of a backward. */
class BackwardPart {
 public:
  BackwardPart(const Unit& unit, const Source& source, const float* depthwiseWeight, const UnitResult& result,
               const GradientLines& lines, const Right& right, const UnitGradients& gradients)
      : unit_(unit), window_(unit.window), source_(source), depthwiseWeight_(depthwiseWeight),
        result_(result), lines_(lines), right_(right), gradients_(gradients), reader_(unit, source),
        rows_(unit.depthwise ? bandRows(unit) : 0), band_(unit.depthwise ? rows_ * window_.columns.result : bandPixels(unit)),
        tile_(band_ * window_.channels + 32), gradientTile_(band_ * unit.outputs + 32), gathered_(band_ * unit.outputs + 32),
        scratch_((unit.depthwise ? 2 * window_.inputFloats() : band_ * window_.channels) + 32),
        pointwise_(window_.channels, unit.outputs), inputTotals_(window_.channels),
        depthwise_(unit.depthwise && gradients.depthwiseWeight ? window_.channels * window_.rows.kernel * window_.columns.kernel : 0) {}

  void run(int64_t begin, int64_t end) {
    if (unit_.depthwise) runDepthwise(begin, end);
    else runPointwise(begin, end);
    pointwise_.flush();
  }

  const std::vector<double>& pointwise() const { return pointwise_.sums(); }
  const std::vector<double>& depthwise() const { return depthwise_; }
  const ChannelTotals& inputTotals() const { return inputTotals_; }

 private:
  /** The gradient of the raw result, pixels `first` on (over all images), into gradientTile_. */
  void rawGradient(int64_t first, int64_t count) {
    const int64_t outputs = unit_.outputs;
    const float* from = result_.gradient + first * result_.gradientPitch;
    if (result_.gradientPitch != outputs) {
      loops().copyPixels({gathered_.get(), outputs, from, result_.gradientPitch, count, outputs, false});
      from = gathered_.get();
    }
    loops().channelScale({result_.raw + first * outputs, from, gradientTile_.get(), count * outputs, lines_.period, lines_.centres.data(),
                          lines_.factors.data(), lines_.shifts.data(), lines_.gradientFactors.data(), false});
  }

  void toChannels(int64_t firstPixel, int64_t count, float* to) const {
    const int64_t outputs = unit_.outputs;
    loops().product({gradientTile_.get() + firstPixel * outputs, outputs, false, right_.values.get(), right_.pitch, to, window_.channels,
                     count, window_.channels, outputs, false});
  }

  void runDepthwise(int64_t begin, int64_t end) {
    const int64_t channels = window_.channels, row = window_.columns.result, pixels = unit_.resultPixels();
    const InputGradient toInput(window_, depthwiseWeight_);
    const Plane gradientPlane = toInput.plane();
    Plane inputs = inputPlane(window_);
    const DepthwiseRows pass(window_, inputs, depthwiseWeight_);
    WeightSums weightSums(window_, inputs);
    const bool further = gradients_.input != nullptr || gradients_.depthwiseWeight != nullptr;
    for (int64_t image = begin; image < end; ++image) {
      reader_.put(image, inputs);
      for (int64_t y = 0; y < window_.rows.result; y += rows_) {
        const int64_t count = std::min(rows_, window_.rows.result - y);
        rawGradient(image * pixels + y * row, count * row);
        if (gradients_.pointwiseWeight != nullptr) {
          pass.run(inputs, y, count, tile_.get());
          pointwise_.add(tile_.get(), gradientTile_.get(), count * row);
        }
        if (!further) continue;
        float* to = toInput.interior(gradientPlane) + y * gradientPlane.pitch();
        if (row % 8 == 0) {
          for (int64_t each = 0; each < count; ++each) toChannels(each * row, row, to + each * gradientPlane.pitch());
        } else {
          toChannels(0, count * row, tile_.get());
          for (int64_t each = 0; each < count; ++each) {
            loops().copy(to + each * gradientPlane.pitch(), tile_.get() + each * row * channels, row * channels, false);
          }
        }
      }
      if (gradients_.depthwiseWeight != nullptr) weightSums.add(inputs, toInput.interior(gradientPlane), gradientPlane.pitch());
      if (gradients_.input != nullptr) {
        float* to = scratch_.get();
        toInput.run(gradientPlane, to, to + window_.inputFloats());
        toSource(image * unit_.inputPixels(), unit_.inputPixels(), to);
      }
    }
    if (gradients_.depthwiseWeight != nullptr) weightSums.addTo(depthwise_.data());
  }

  void runPointwise(int64_t begin, int64_t end) {
    const int64_t channels = window_.channels, pixels = unit_.resultPixels();
    const bool every = everyPixel(unit_);
    for (int64_t image = begin; image < end; ++image) {
      if (!every && gradients_.input != nullptr && !gradients_.addToInput) {
        std::fill_n(gradients_.input + image * window_.inputFloats(), window_.inputFloats(), 0.0f);
      }
      for (int64_t first = 0; first < pixels; first += band_) {
        const int64_t last = std::min(first + band_, pixels), place = image * pixels;
        rawGradient(place + first, last - first);
        if (gradients_.pointwiseWeight != nullptr) {
          if (every) reader_.read(place + first, place + last, tile_.get());
          else reader_.gather(image, first, last, tile_.get());
          pointwise_.add(tile_.get(), gradientTile_.get(), last - first);
        }
        if (gradients_.input == nullptr) continue;
        toChannels(0, last - first, scratch_.get());
        if (every) {
          toSource(place + first, last - first, scratch_.get());
        } else {
          for (int64_t result = first; result < last; ++result) {
            const int64_t pixel = reader_.pixelUnder(result);
            if (pixel >= 0) toSource(image * unit_.inputPixels() + pixel, 1, scratch_.get() + (result - first) * channels);
          }
        }
      }
    }
  }

  /** What a band or an image of the gradient behind the ReLU and norm becomes before them; pixels from `first` on, over all images. */
  void toSource(int64_t first, int64_t count, const float* from) {
    const int64_t channels = window_.channels, floats = count * channels;
    const float* values = source_.values + first * source_.pitch;
    float* to = gradients_.input + first * channels;
    if (source_.norm != nullptr) {
      const NormLines& lines = reader_.lines();
      constexpr int64_t block = 8192;
      const int64_t step = std::max<int64_t>(1, block / lines.period) * lines.period;
      for (int64_t start = 0; start < floats; start += step) {
        loops().channelMask({values + start, from + start, to + start, std::min(step, floats - start), lines.period, lines.centres.data(),
                             lines.factors.data(), lines.shifts.data(), inputTotals_.sums(), inputTotals_.products()});
        inputTotals_.add();
      }
      return;
    }
    const int64_t run = source_.pitch == channels ? floats : channels;
    for (int64_t start = 0; start < floats; start += run, values += source_.pitch) {
      if (gradients_.addToInput) loops().add(to + start, from + start, source_.relu ? values : nullptr, run);
      else if (source_.relu) loops().mask(to + start, from + start, values, run);
      else loops().copy(to + start, from + start, run, false);
    }
  }

  const Unit& unit_;
  const Window& window_;
  const Source& source_;
  const float* depthwiseWeight_;
  const UnitResult& result_;
  const GradientLines& lines_;
  const Right& right_;
  const UnitGradients& gradients_;
  Reader reader_;
  int64_t rows_, band_;
  Floats tile_, gradientTile_, gathered_, scratch_;
  PointwiseSums pointwise_;
  ChannelTotals inputTotals_;
  std::vector<double> depthwise_;
};

}  // namespace

void unitBackward(const Unit& unit, const Source& source, const float* depthwiseWeight, const float* pointwiseWeight,
                  const UnitResult& result, const UnitGradients& gradients) {
  const int64_t channels = unit.window.channels, outputs = unit.outputs, images = unit.window.images;
  const GradientLines lines(Norm(result.norm, outputs), result.sums, outputs, images * unit.resultPixels());
  const Right right(pointwiseWeight, outputs, channels, channels, 1);
  std::vector<std::unique_ptr<BackwardPart>> parts(at::get_num_threads());
  overImages(images, [&](int64_t part, int64_t begin, int64_t end) {
    parts[part] = std::make_unique<BackwardPart>(unit, source, depthwiseWeight, result, lines, right, gradients);
    parts[part]->run(begin, end);
  });
  parts.erase(std::remove(parts.begin(), parts.end(), nullptr), parts.end());
  const auto total = [&](const auto& of) {
    double sum = 0;
    for (const auto& part : parts) sum += of(*part);
    return static_cast<float>(sum);
  };
  if (gradients.pointwiseWeight != nullptr) {
    for (int64_t output = 0; output < outputs; ++output) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        gradients.pointwiseWeight[output * channels + channel] =
            total([&](const BackwardPart& part) { return part.pointwise()[channel * outputs + output]; });
      }
    }
  }
  if (unit.depthwise && gradients.depthwiseWeight != nullptr) {
    for (size_t index = 0; index < parts[0]->depthwise().size(); ++index) {
      gradients.depthwiseWeight[index] = total([&](const BackwardPart& part) { return part.depthwise()[index]; });
    }
  }
  if (gradients.inputSums != nullptr) {
    const Norm norm(source.norm, channels);
    for (int64_t channel = 0; channel < channels; ++channel) {
      gradients.inputSums[channel] = total([&](const BackwardPart& part) { return part.inputTotals().product(channel) * norm.inverse[channel]; });
      gradients.inputSums[channels + channel] = total([&](const BackwardPart& part) { return part.inputTotals().sum(channel); });
    }
  }
}

}  // namespace nasnet::kernels
