// See unit.h; the backward is in unit-backward.cpp.
#include "unit.h"

#include "over-images.h"
#include "unit-dense.h"
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
    if (centres_.empty()) centres_ = tiled(lineOf(channels_), channels_, [&](int64_t c) { return pixels[c]; });
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

}  // namespace

Moments unitForward(const Unit& unit, const Source& source, const PackedUnit& weights, bool statistics,
                    const Room& raw) {
  const Window& window = unit.window;
  const int64_t channels = window.channels, outputs = unit.outputs, pixels = unit.resultPixels();
  const bool dense = unit.kind == Unit::dense;
  std::vector<BatchMoments> parts(at::get_num_threads(), BatchMoments(outputs));
  // Statistics are summed over whole images, else they would depend on how many threads share one.
  const Slices slices(window.images, unit.kind == Unit::pointwise ? pixels : window.rows.result, statistics);
  overImages(slices.count(), [&](int64_t part, int64_t begin, int64_t end) {
    const Reader reader(unit, source);
    const int64_t band = unit.kind == Unit::pointwise ? bandPixels(unit) : bandRows(unit) * window.columns.result;
    Left left(unit.numbers, dense ? 0 : band, channels);
    const Floats results(raw.numbers == Numbers::float32 ? 0 : band * outputs + 16);
    // Where results of float32 go, pixels from `first` on over all images; and what is done with them there.
    const auto place = [&](int64_t first) {
      return raw.numbers == Numbers::float32 ? (raw + first * outputs).floats() : results.get();
    };
    const auto done = [&](const float* made, int64_t first, int64_t count) {
      if (statistics) parts[part].add(made, count);
      if (raw.numbers != Numbers::float32) loops().copy(raw + first * outputs, made, count * outputs, false);
    };
    const auto multiply = [&](const Stored& tile, int64_t first, int64_t count) {
      left.take(tile, channels, count);
      left.times(weights.products, 0, 0, count, {place(first), outputs});
      done(place(first), first, count);
    };
    if (dense) {
      const int64_t rows = bandRows(unit), row = window.columns.result;
      Plane plane = inputPlane(window);
      DenseTaps taps(unit, plane);
      for (int64_t index = begin; index < end; ++index) {
        const auto [image, top, bottom] = slices[index];
        const auto [firstRow, lastRow] = window.rows.readBy(top, bottom);
        reader.put(image, plane, firstRow, lastRow);
        for (int64_t y = top; y < bottom; y += rows) {
          const int64_t count = std::min(rows, bottom - y);
          const int64_t first = image * pixels + y * row;
          for (int64_t each = 0; each < count; ++each)
            taps.run(plane, y + each, weights.products, place(first) + each * row * outputs);
          done(place(first), first, count * row);
        }
      }
    } else if (unit.kind == Unit::depthwise) {
      const int64_t rows = bandRows(unit), row = window.columns.result;
      Plane plane = inputPlane(window);
      const DepthwiseRows pass(window, plane, weights.depthwise.get());
      const Floats tile(band * channels + 16);
      for (int64_t index = begin; index < end; ++index) {
        const auto [image, top, bottom] = slices[index];
        const auto [firstRow, lastRow] = window.rows.readBy(top, bottom);
        reader.put(image, plane, firstRow, lastRow);
        for (int64_t y = top; y < bottom; y += rows) {
          const int64_t count = std::min(rows, bottom - y);
          pass.run(plane, y, count, tile.get());
          multiply(tile.get(), image * pixels + y * row, count * row);
        }
      }
    } else {
      const bool every = everyPixel(unit);
      const Tile tile(tileOf(unit.numbers, channels), band * channels + 32);
      for (int64_t index = begin; index < end; ++index) {
        const auto [image, start, stop] = slices[index];
        const int64_t before = image * pixels;
        for (int64_t first = start; first < stop; first += band) {
          const int64_t last = std::min(first + band, stop);
          if (every) reader.read(before + first, before + last, tile.room());
          else reader.gather(image, first, last, tile.room());
          multiply(tile.room(), before + first, last - first);
        }
      }
    }
  });
  Moments moments{std::vector<double>(outputs), std::vector<double>(outputs)};
  int64_t count = 0;
  for (const BatchMoments& part : parts) part.mergeInto(moments.mean, moments.variance, count);
  // NaN stays
  for (double& each : moments.variance) each = each < 0 ? 0 : each / static_cast<double>(std::max<int64_t>(count, 1));
  return moments;
}

}  // namespace nasnet::kernels
