// The loops of regions.h.
#include "regions.h"

#include <cmath>

#include "over-images.h"

namespace nasnet::kernels {

namespace {

Tap tapAt(double place, int64_t size, Outside outside) {
  const double last = static_cast<double>(size - 1);
  const bool inside = outside == Outside::clamped ? place >= -1 && place <= static_cast<double>(size)
                                                  : place >= -rounding && place <= last + rounding;
  if (!inside) return {0, 0, 0, false};  // NaN, too
  const double within = std::min(std::max(place, 0.0), last);
  const int64_t low = static_cast<int64_t>(within);
  return {low, std::min(low + 1, size - 1), within - static_cast<double>(low), true};
}

/** Calls work(cell, pixel, weight) for each pixel that a region's cells read; cells in row-major order. */
template <typename Work>
void overPixels(const RegionShape& shape, const Region& region, const Work& work) {
  const std::vector<Tap> rows = tapsOf(region.rows, shape.height, shape.outside);
  const std::vector<Tap> columns = tapsOf(region.columns, shape.width, shape.outside);
  const double each = 1.0 / static_cast<double>(shape.sampling * shape.sampling);
  const int64_t image = region.image * shape.height;
  const auto read = [&](int64_t cell, int64_t y, int64_t x, double weight) {
    if (weight != 0) work(cell, (image + y) * shape.width + x, weight);
  };
  for (size_t row = 0; row < rows.size(); ++row) {
    const Tap& y = rows[row];
    if (!y.inside) continue;
    for (size_t column = 0; column < columns.size(); ++column) {
      const Tap& x = columns[column];
      if (!x.inside) continue;
      const int64_t cell = static_cast<int64_t>(row) / shape.sampling * shape.resultWidth +
                           static_cast<int64_t>(column) / shape.sampling;
      read(cell, y.low, x.low, each * (1 - y.share) * (1 - x.share));
      read(cell, y.low, x.high, each * (1 - y.share) * x.share);
      read(cell, y.high, x.low, each * y.share * (1 - x.share));
      read(cell, y.high, x.high, each * y.share * x.share);
    }
  }
}

}  // namespace

std::vector<Tap> tapsOf(const Samples& samples, int64_t size, Outside outside) {
  std::vector<Tap> taps;
  taps.reserve(static_cast<size_t>(samples.count));
  for (int64_t index = 0; index < samples.count; ++index)
    taps.push_back(tapAt(samples.first + samples.step * static_cast<double>(index), size, outside));
  return taps;
}

template <typename Number>
void sampleRegions(const RegionShape& shape, const std::vector<Region>& regions, const Number* images, Number* result) {
  const int64_t cells = shape.resultHeight * shape.resultWidth, channels = shape.channels;
  overImages(static_cast<int64_t>(regions.size()), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      Number* const cellsOfRegion = result + index * cells * channels;
      std::fill(cellsOfRegion, cellsOfRegion + cells * channels, Number(0));
      overPixels(shape, regions[static_cast<size_t>(index)], [&](int64_t cell, int64_t pixel, double weight) {
        Number* const to = cellsOfRegion + cell * channels;
        const Number* const from = images + pixel * channels;
        const Number factor = static_cast<Number>(weight);
        for (int64_t channel = 0; channel < channels; ++channel) to[channel] += factor * from[channel];
      });
    }
  });
}

template <typename Number>
void sampleRegionsGradient(const RegionShape& shape, const std::vector<Region>& regions, const Number* gradient,
                           Number* found) {
  const int64_t cells = shape.resultHeight * shape.resultWidth, channels = shape.channels;
  // Regions overlap, so threads share out the channels: each sum has its terms in the regions' order.
  overImages(channels, [&](int64_t, int64_t begin, int64_t end) {
    for (size_t index = 0; index < regions.size(); ++index) {
      const Number* const cellsOfRegion = gradient + static_cast<int64_t>(index) * cells * channels;
      overPixels(shape, regions[index], [&](int64_t cell, int64_t pixel, double weight) {
        const Number* const from = cellsOfRegion + cell * channels;
        Number* const to = found + pixel * channels;
        const Number factor = static_cast<Number>(weight);
        for (int64_t channel = begin; channel < end; ++channel) to[channel] += factor * from[channel];
      });
    }
  });
}

template void sampleRegions(const RegionShape&, const std::vector<Region>&, const float*, float*);
template void sampleRegions(const RegionShape&, const std::vector<Region>&, const double*, double*);
template void sampleRegionsGradient(const RegionShape&, const std::vector<Region>&, const float*, float*);
template void sampleRegionsGradient(const RegionShape&, const std::vector<Region>&, const double*, double*);

}  // namespace nasnet::kernels
