// See unit.h; the backward is in unit-backward.cpp.
#include "unit.h"

#include "ahead.h"
#include "over-images.h"
#include "unit-dense.h"
#include "unit-pairs.h"
#include "unit-reader.h"
#include "unit-weights.h"

namespace nasnet::kernels {

namespace {

/** Mean and squared distances from it, merged over parts of the batch. */
class BatchMoments {
 public:
  explicit BatchMoments(int64_t channels) : totals_(channels), channels_(channels) {}

  void add(const float* pixels, int64_t count) {
    // Around the first pixel's values, not around 0: squares of a mean far from 0 would swallow the variance.
    if (centres_.empty()) centres_ = tiled(periodOf(channels_), channels_, [&](int64_t c) { return pixels[c]; });
    loops().channelSums({pixels, Stored(), count * channels_, static_cast<ptrdiff_t>(centres_.size()), centres_.data(),
                         totals_.sums(), totals_.products()});
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

/** One thread's share of a forward. */
class ForwardPart {
 public:
  /** moments: of the result; null: not wanted. */
  ForwardPart(const Unit& unit, const Source& source, const PackedUnit& weights, const Room& raw, BatchMoments* moments)
      : unit_(unit), window_(unit.window), source_(source), weights_(weights), raw_(raw), moments_(moments),
        reader_(unit, source),
        band_(unit.kind == Unit::pointwise ? bandPixels(unit) : bandRows(unit) * window_.columns.result),
        left_(unit.numbers, unit.kind == Unit::dense ? 0 : band_, window_.channels),
        results_(raw.numbers == Numbers::float32 ? 0 : band_ * unit.outputs + 16) {}

  void run(const Slices& slices, int64_t begin, int64_t end) {
    if (isInPairs(unit_)) runDense<DensePairs>(slices, begin, end);
    else if (unit_.kind == Unit::dense) runDense<DenseTaps>(slices, begin, end);
    else if (unit_.kind == Unit::depthwise) runDepthwise(slices, begin, end);
    else runPointwise(slices, begin, end);
  }

 private:
  template <typename Taps>
  void runDense(const Slices& slices, int64_t begin, int64_t end) {
    Plane plane = inputPlane(window_);
    Taps taps(unit_, plane);
    overBands(slices, begin, end, plane, [&](int64_t y, int64_t count, int64_t first) {
      taps.run(plane, y, count, weights_.products, placeOf(first));
      finish(first, count * window_.columns.result);
    });
  }

  void runDepthwise(const Slices& slices, int64_t begin, int64_t end) {
    Plane plane = inputPlane(window_);
    const DepthwiseRows pass(window_, plane, weights_.depthwise.get());
    const Floats tile(band_ * window_.channels + 16);
    overBands(slices, begin, end, plane, [&](int64_t y, int64_t count, int64_t first) {
      const int64_t pixels = count * window_.columns.result;
      fetchNext(unit_.inputShare(first) + unit_.inputPixels(), unit_.inputShare(pixels), first + pixels, pixels);
      pass.run(plane, y, count, tile.get());
      multiply(tile.get(), first, count * window_.columns.result);
    });
  }

  void runPointwise(const Slices& slices, int64_t begin, int64_t end) {
    const bool every = everyPixel(unit_);
    const Tile tile(tileOf(unit_.numbers, window_.channels), band_ * window_.channels + 32);
    for (int64_t index = begin; index < end; ++index) {
      const auto [image, start, stop] = slices[index];
      const int64_t before = image * unit_.resultPixels();
      for (int64_t first = start; first < stop; first += band_) {
        const int64_t last = std::min(first + band_, stop);
        if (every) fetchNext(before + last, band_, before + last, last - first);
        if (every) reader_.read(before + first, before + last, tile.room());
        else reader_.gather(image, first, last, tile.room());
        multiply(tile.room(), before + first, last - first);
      }
    }
  }

  /** Prepares what the products of `count` pixels fetch: `inputs` pixels from `input` on and their own results. */
  void fetchNext(int64_t input, int64_t inputs, int64_t result, int64_t count) {
    next_.clear();
    next_.add(source_.values + input * source_.pitch, inputs * source_.pitch);
    next_.add(raw_ + result * unit_.outputs, count * unit_.outputs);
    next_.spread(count * window_.channels * unit_.outputs);
  }

  /** work(y, rows, their first pixel over all images) for each band of rows, what it reads being in the plane. */
  template <typename Work>
  void overBands(const Slices& slices, int64_t begin, int64_t end, Plane& plane, const Work& work) {
    const int64_t rows = bandRows(unit_);
    for (int64_t index = begin; index < end; ++index) {
      const auto [image, top, bottom] = slices[index];
      const auto [firstRow, lastRow] = window_.rows.readBy(top, bottom);
      reader_.put(image, plane, firstRow, lastRow);
      for (int64_t y = top; y < bottom; y += rows)
        work(y, std::min(rows, bottom - y), image * unit_.resultPixels() + y * window_.columns.result);
    }
  }

  /** A tile [pixels, channels] times the weight: the results of `count` pixels from `first` on over all images. */
  void multiply(const Stored& tile, int64_t first, int64_t count) {
    left_.take(tile, window_.channels, count);
    left_.times(weights_.products, 0, 0, count, {placeOf(first), unit_.outputs, false, nullptr, 0, next_.ahead()});
    finish(first, count);
  }

  /** Where results of float32 go, pixels from `first` on; finish() does the rest with them. */
  float* placeOf(int64_t first) const {
    return raw_.numbers == Numbers::float32 ? (raw_ + first * unit_.outputs).floats() : results_.get();
  }
  void finish(int64_t first, int64_t count) {
    const float* made = placeOf(first);
    if (moments_ != nullptr) moments_->add(made, count);
    if (raw_.numbers != Numbers::float32)
      loops().copy(raw_ + first * unit_.outputs, made, count * unit_.outputs, false);
  }

  const Unit& unit_;
  const Window& window_;
  const Source& source_;
  const PackedUnit& weights_;
  const Room& raw_;
  BatchMoments* moments_;
  const Reader reader_;
  int64_t band_;  // pixels
  Left left_;
  NextBand next_;
  Floats results_;  // of a band, where the raw ones are not float32
};

}  // namespace

Moments unitForward(const Unit& unit, const Source& source, const PackedUnit& weights, bool statistics,
                    const Room& raw) {
  const Window& window = unit.window;
  std::vector<BatchMoments> parts(at::get_num_threads(), BatchMoments(unit.outputs));
  // Statistics are summed over whole images, else they would depend on how many threads share one.
  const int64_t steps = unit.kind == Unit::pointwise ? unit.resultPixels() : window.rows.result;
  const Slices slices(window.images, steps, statistics);
  overImages(slices.count(), [&](int64_t part, int64_t begin, int64_t end) {
    ForwardPart(unit, source, weights, raw, statistics ? &parts[part] : nullptr).run(slices, begin, end);
  });
  Moments moments{std::vector<double>(unit.outputs), std::vector<double>(unit.outputs)};
  int64_t count = 0;
  for (const BatchMoments& part : parts) part.mergeInto(moments.mean, moments.variance, count);
  // NaN stays
  for (double& each : moments.variance) each = each < 0 ? 0 : each / static_cast<double>(std::max<int64_t>(count, 1));
  return moments;
}

}  // namespace nasnet::kernels
