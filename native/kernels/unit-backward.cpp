// The gradients of a unit; see unit.h.
#include "unit.h"

#include <cstring>
#include <memory>

#include "ahead.h"
#include "over-images.h"
#include "unit-dense.h"
#include "unit-pairs.h"
#include "unit-reader.h"
#include "unit-weights.h"

namespace nasnet::kernels {

namespace {

constexpr int64_t weightSumPixels = 1024;  // summed in float32 before float64 takes over

/** One thread's share of a backward. */
class BackwardPart {
 public:
  BackwardPart(const Unit& unit, const Source& source, const float* depthwiseWeight, const UnitResult& result,
               const GradientLines* lines, const Right& right, const UnitGradients& gradients)
      : unit_(unit), window_(unit.window), source_(source), depthwiseWeight_(depthwiseWeight), result_(result),
        lines_(lines), right_(right), gradients_(gradients), reader_(unit, source),
        rows_(unit.kind == Unit::pointwise ? 0 : bandRows(unit)),
        band_(rows_ > 0 ? rows_ * window_.columns.result : bandPixels(unit)),
        tile_(unit.kind == Unit::pointwise ? tileOf(unit.numbers, window_.channels) : Numbers::float32,
              band_ * window_.channels + 32),
        gradientTile_(tileOf(unit.numbers, unit.outputs), band_ * unit.outputs + 32),
        gathered_(result.gradient.numbers, band_ * unit.outputs + 32),
        scratch_((rows_ > 0 ? 2 * window_.inputFloats() : band_ * window_.channels) + 32),
        left_(unit.numbers, productPixels(), unit.outputs), inputs_(unit.numbers, productPixels(), window_.channels),
        outputGradients_(unit.numbers, productPixels(), unit.outputs),
        matrix_(tapsOf(unit) * window_.channels * unit.outputs, weightSumPixels), inputTotals_(window_.channels),
        depthwise_(unit.kind == Unit::depthwise && gradients.depthwiseWeight
                       ? window_.channels * window_.rows.kernel * window_.columns.kernel
                       : 0) {}

  void run(int64_t begin, int64_t end) {
    if (isInPairs(unit_)) runDense<DensePairs>(begin, end);
    else if (unit_.kind == Unit::dense) runDense<DenseTaps>(begin, end);
    else if (unit_.kind == Unit::depthwise) runDepthwise(begin, end);
    else runPointwise(begin, end);
  }

  const Zeros<double>& matrix() { return matrix_.sums(); }
  const Zeros<double>& depthwise() const { return depthwise_; }
  const ChannelTotals& inputTotals() const { return inputTotals_; }

 private:
  /** Pixels of a product's operands; 0 for dense kernels, which have their own. */
  int64_t productPixels() const { return unit_.kind == Unit::dense ? 0 : band_; }

  /**
   * The gradient of the raw result (as it comes where there is no norm), pixels `first` on (over all images), into
   * gradientTile_.
   */
  void rawGradient(int64_t first, int64_t count) {
    const int64_t outputs = unit_.outputs;
    Stored from = result_.gradient + first * result_.gradientPitch;
    if (result_.gradientPitch != outputs) {
      loops().copyPixels({gathered_.room(), outputs, from, result_.gradientPitch, count, outputs, false});
      from = gathered_.room();
    }
    if (lines_ == nullptr) {
      loops().copy(gradientTile_.room(), from, count * outputs, false);
      return;
    }
    loops().channelScale({result_.raw + first * outputs, from, gradientTile_.room(), count * outputs, lines_->period,
                          lines_->centres.data(), lines_->factors.data(), lines_->shifts.data(),
                          lines_->gradientFactors.data(), false});
  }

  /** Adds what the pixels of tile_ and gradientTile_ give to the weight. */
  void toWeight(int64_t count) {
    inputs_.take(tile_.room(), count);
    outputGradients_.take(gradientTile_.room(), count);
    inputs_.addTo(matrix_.floats(), outputGradients_, next_.ahead());
    matrix_.added(count);
  }

  /** The input of a later band: `count` pixels, from `values` on, and its gradient from `gradient` on. */
  struct NextInput {
    int64_t values, gradient, count;
  };

  /** Prepares what the products of `count` pixels fetch: as many results from `result` on, and inputs. */
  void fetchNext(int64_t result, int64_t count, const NextInput& input) {
    const int64_t channels = window_.channels;
    next_.clear();
    if (lines_ != nullptr) next_.add(result_.raw + result * unit_.outputs, count * unit_.outputs);
    next_.add(result_.gradient + result * result_.gradientPitch, count * result_.gradientPitch);
    next_.add(source_.values + input.values * source_.pitch, input.count * source_.pitch);
    if (gradients_.input.data != nullptr)
      next_.add(gradients_.input + input.gradient * channels, input.count * channels);
    next_.spread(2 * count * channels * unit_.outputs);
  }

  void runDepthwise(int64_t begin, int64_t end) {
    const int64_t channels = window_.channels, row = window_.columns.result, pixels = unit_.resultPixels();
    const InputGradient toInput(window_, depthwiseWeight_);
    const Plane gradientPlane = toInput.plane();
    Plane inputs = inputPlaneForWeights(window_);
    const Floats packed = packedDepthwise(window_, depthwiseWeight_);
    const DepthwiseRows pass(window_, inputs, packed.get());
    WeightSums weightSums(window_, inputs);
    const bool further = gradients_.input.data != nullptr || gradients_.depthwiseWeight != nullptr;
    for (int64_t image = begin; image < end; ++image) {
      reader_.put(image, inputs, 0, window_.rows.input);
      for (int64_t y = 0; y < window_.rows.result; y += rows_) {
        const int64_t count = std::min(rows_, window_.rows.result - y);
        const int64_t first = image * pixels + y * row;
        rawGradient(first, count * row);
        const int64_t input = unit_.inputShare(first), share = unit_.inputShare(count * row);
        fetchNext(first + count * row, count * row, {input + unit_.inputPixels(), input, share});
        if (gradients_.weight != nullptr) {
          pass.run(inputs, y, count, tile_.room().floats());
          toWeight(count * row);
        }
        if (!further) continue;
        left_.take(gradientTile_.room(), unit_.outputs, count * row);
        float* to = toInput.interior(gradientPlane) + y * gradientPlane.pitch();
        if (row % 8 == 0) {
          for (int64_t each = 0; each < count; ++each)
            left_.times(right_, 0, each * row, row,
                        {to + each * gradientPlane.pitch(), channels, false, nullptr, 0, next_.ahead()});
        } else {
          left_.times(right_, 0, 0, count * row, {tile_.room().floats(), channels, false, nullptr, 0, next_.ahead()});
          for (int64_t each = 0; each < count; ++each) {
            loops().copy(to + each * gradientPlane.pitch(), tile_.room() + each * row * channels, row * channels,
                         false);
          }
        }
      }
      if (gradients_.depthwiseWeight != nullptr)
        weightSums.add(inputs, toInput.interior(gradientPlane), gradientPlane.pitch());
      if (gradients_.input.data != nullptr) {
        float* to = scratch_.get();
        toInput.run(gradientPlane, to, to + window_.inputFloats());
        toSource(image * unit_.inputPixels(), unit_.inputPixels(), to);
      }
    }
    if (gradients_.depthwiseWeight != nullptr) weightSums.addTo(depthwise_.data());
  }

  template <typename Taps>
  void runDense(int64_t begin, int64_t end) {
    const int64_t row = window_.columns.result, pixels = unit_.resultPixels();
    Plane inputs = inputPlane(window_);
    Plane inputGradients = inputPlane(window_);
    Taps taps(unit_, inputs);
    for (int64_t image = begin; image < end; ++image) {
      if (gradients_.weight != nullptr) reader_.put(image, inputs, 0, window_.rows.input);
      if (gradients_.input.data != nullptr) inputGradients.fill(0);
      for (int64_t y = 0; y < window_.rows.result; y += rows_) {
        const int64_t count = std::min(rows_, window_.rows.result - y);
        rawGradient(image * pixels + y * row, count * row);
        taps.take(gradientTile_.room(), count);
        if (gradients_.weight != nullptr) taps.addToWeight(inputs, y, matrix_.floats());
        if (gradients_.input.data != nullptr) taps.addToInput(inputGradients, y, right_);
        matrix_.added(count * row);
      }
      if (gradients_.input.data == nullptr) continue;
      inputGradients.take(scratch_.get());
      toSource(image * unit_.inputPixels(), unit_.inputPixels(), scratch_.get());
    }
  }

  void runPointwise(int64_t begin, int64_t end) {
    const int64_t channels = window_.channels, pixels = unit_.resultPixels();
    const bool every = everyPixel(unit_);
    for (int64_t image = begin; image < end; ++image) {
      if (!every && gradients_.input.data != nullptr && !gradients_.add) {
        std::memset((gradients_.input + image * window_.inputFloats()).data, 0,
                    window_.inputFloats() * bytesOf(gradients_.input.numbers));
      }
      for (int64_t first = 0; first < pixels; first += band_) {
        const int64_t last = std::min(first + band_, pixels), place = image * pixels;
        rawGradient(place + first, last - first);
        fetchNext(place + last, last - first, {place + last, place + last, every ? band_ : 0});
        if (gradients_.weight != nullptr) {
          if (every) reader_.read(place + first, place + last, tile_.room());
          else reader_.gather(image, first, last, tile_.room());
          toWeight(last - first);
        }
        if (gradients_.input.data == nullptr) continue;
        left_.take(gradientTile_.room(), unit_.outputs, last - first);
        if (every && source_.norm == nullptr && source_.values.numbers == Numbers::float32 && !gradients_.add) {
          const float* values = (source_.values + (place + first) * source_.pitch).floats();
          float* to = (gradients_.input + (place + first) * channels).floats();
          left_.times(right_, 0, 0, last - first,
                      {to, channels, false, source_.relu ? values : nullptr, source_.pitch, next_.ahead()});
          continue;
        }
        left_.times(right_, 0, 0, last - first, {scratch_.get(), channels, false, nullptr, 0, next_.ahead()});
        if (every) {
          toSource(place + first, last - first, scratch_.get());
        } else {
          for (int64_t result = first; result < last; ++result) {
            const int64_t pixel = reader_.pixelUnder(result);
            if (pixel >= 0)
              toSource(image * unit_.inputPixels() + pixel, 1, scratch_.get() + (result - first) * channels);
          }
        }
      }
    }
  }

  /**
   * Converts a band or an image of the gradient after the ReLU and norm to that before them, or adds it; pixels from
   * `first` on, over all images.
   */
  void toSource(int64_t first, int64_t count, const float* from) {
    const int64_t channels = window_.channels, floats = count * channels;
    Stored values = source_.values + first * source_.pitch;
    const Room to = gradients_.input + first * channels;
    if (source_.norm != nullptr) {
      const NormLines& lines = reader_.lines();
      constexpr int64_t block = 8192;
      const int64_t step = std::max<int64_t>(1, block / lines.period) * lines.period;
      for (int64_t start = 0; start < floats; start += step) {
        loops().channelMask({values + start, from + start, to + start, std::min(step, floats - start),
                             periodOf(channels), lines.centres.data(), lines.factors.data(), lines.shifts.data(),
                             inputTotals_.sums(), inputTotals_.products()});
        inputTotals_.add();
      }
      return;
    }
    const int64_t run = source_.pitch == channels ? floats : channels;
    for (int64_t start = 0; start < floats; start += run, values = values + source_.pitch) {
      if (gradients_.add)
        loops().addMasked((to + start).floats(), from + start, source_.relu ? values.floats() : nullptr, run);
      else if (source_.relu) loops().mask(to + start, from + start, values, run);
      else loops().copy(to + start, from + start, run, false);
    }
  }

  const Unit& unit_;
  const Window& window_;
  const Source& source_;
  const float* depthwiseWeight_;
  const UnitResult& result_;
  const GradientLines* lines_;
  const Right& right_;
  const UnitGradients& gradients_;
  Reader reader_;
  int64_t rows_, band_;
  Tile tile_, gradientTile_, gathered_;
  Floats scratch_;
  NextBand next_;
  Left left_;                           // of the gradient
  Pixelwise inputs_, outputGradients_;  // for the weight's
  AddedSums matrix_;                    // of the weight's gradient, [tapsOf, channels, outputs]; terms are pixels
  ChannelTotals inputTotals_;
  Zeros<double> depthwise_;
};

}  // namespace

void unitBackward(const Unit& unit, const Source& source, const float* depthwiseWeight, const Weight& weight,
                  const UnitResult& result, const UnitGradients& gradients) {
  const int64_t channels = unit.window.channels, outputs = unit.outputs, images = unit.window.images;
  std::optional<GradientLines> lines;
  if (result.norm != nullptr)
    lines.emplace(Norm(result.norm, outputs), result.sums, outputs, images * unit.resultPixels());
  const bool dense = unit.kind == Unit::dense;
  const Right right = gradientProducts(unit, weight);
  std::vector<std::unique_ptr<BackwardPart>> parts(at::get_num_threads());
  overImages(images, [&](int64_t part, int64_t begin, int64_t end) {
    parts[part] = std::make_unique<BackwardPart>(unit, source, depthwiseWeight, result, lines ? &*lines : nullptr,
                                                 right, gradients);
    parts[part]->run(begin, end);
  });
  parts.erase(std::remove(parts.begin(), parts.end(), nullptr), parts.end());
  const auto total = [&](const auto& of) {
    double sum = 0;
    for (const auto& part : parts) sum += of(*part);
    return sum;
  };
  if (gradients.weight != nullptr) {
    const int64_t rows = dense ? unit.window.rows.kernel : 1, columns = dense ? unit.window.columns.kernel : 1;
    const int64_t apart = columns * channels * outputs;  // sums of a row of the kernel
    int64_t place = 0;
    const auto sumOf = [&](int64_t row) {
      return total([&](BackwardPart& part) { return part.matrix()[row * apart + place]; });
    };
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        for (int64_t output = 0; output < outputs; ++output, ++place) {
          const auto put = [&](int64_t row, double sum) {
            gradients.weight[weight.place(output, channel, row, column)] = static_cast<float>(sum);
          };
          if (isInPairs(unit)) {
            const double half = sumOf(1) / 2, other = sumOf(2) / 2;
            put(0, sumOf(0) + half + other);
            put(1, half - other);
            put(2, half + other - sumOf(3));
          } else {
            for (int64_t row = 0; row < rows; ++row) put(row, sumOf(row));
          }
        }
      }
    }
  }
  if (unit.kind == Unit::depthwise && gradients.depthwiseWeight != nullptr) {
    for (int64_t index = 0; index < parts[0]->depthwise().size(); ++index) {
      gradients.depthwiseWeight[index] =
          static_cast<float>(total([&](const BackwardPart& part) { return part.depthwise()[index]; }));
    }
  }
  if (gradients.inputSums != nullptr) {
    const Norm norm(source.norm, channels);
    for (int64_t channel = 0; channel < channels; ++channel) {
      gradients.inputSums[channel] = static_cast<float>(
          total([&](const BackwardPart& part) { return part.inputTotals().product(channel) * norm.inverse[channel]; }));
      gradients.inputSums[channels + channel] =
          static_cast<float>(total([&](const BackwardPart& part) { return part.inputTotals().sum(channel); }));
    }
  }
}

}  // namespace nasnet::kernels
