// The loops of regions.h.
#include "regions.h"

#include <algorithm>
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

/** A share of one of the lines that a line is made of. */
struct Part {
  int64_t line;
  double weight;
};

/** The parts of lines: those of line i lie from starts[i] to starts[i + 1]. */
struct Mixture {
  std::vector<size_t> starts{0};
  std::vector<Part> parts;

  const Part* begin(int64_t line) const { return parts.data() + starts[static_cast<size_t>(line)]; }
  const Part* end(int64_t line) const { return parts.data() + starts[static_cast<size_t>(line) + 1]; }
};

/** One axis of a region: the image's pixels that its cells read, and how much of each. */
struct Axis {
  std::vector<int64_t> pixels;  // ascending
  Mixture cells;                // of places in `pixels`
};

Axis axisOf(const Samples& samples, int64_t size, int64_t sampling, Outside outside) {
  const std::vector<Tap> taps = tapsOf(samples, size, outside);
  Axis axis;
  for (const Tap& tap : taps) {
    if (tap.inside) axis.pixels.insert(axis.pixels.end(), {tap.low, tap.high});
  }
  std::sort(axis.pixels.begin(), axis.pixels.end());
  axis.pixels.erase(std::unique(axis.pixels.begin(), axis.pixels.end()), axis.pixels.end());
  std::vector<double> weights(axis.pixels.size());
  const auto placeOf = [&](int64_t pixel) {
    return static_cast<size_t>(std::lower_bound(axis.pixels.begin(), axis.pixels.end(), pixel) - axis.pixels.begin());
  };
  for (size_t first = 0; first < taps.size(); first += static_cast<size_t>(sampling)) {
    size_t low = weights.size(), high = 0;  // the places of this cell
    for (size_t index = first; index < first + static_cast<size_t>(sampling); ++index) {
      const Tap& tap = taps[index];
      if (!tap.inside) continue;
      weights[placeOf(tap.low)] += (1 - tap.share) / static_cast<double>(sampling);
      weights[placeOf(tap.high)] += tap.share / static_cast<double>(sampling);
      low = std::min(low, placeOf(tap.low));
      high = std::max(high, placeOf(tap.high) + 1);
    }
    for (size_t place = low; place < high; ++place) {
      if (weights[place] != 0) axis.cells.parts.push_back({static_cast<int64_t>(place), weights[place]});
      weights[place] = 0;
    }
    axis.cells.starts.push_back(axis.cells.parts.size());
  }
  return axis;
}

/** The axis's cells, with lines that are the image's pixels. */
Mixture byPixel(const Axis& axis) {
  Mixture cells = axis.cells;
  for (Part& part : cells.parts) part.line = axis.pixels[static_cast<size_t>(part.line)];
  return cells;
}

/** The same shares by pixel: for each place of the axis the cells that read it. */
Mixture readersOf(const Axis& axis) {
  Mixture readers;
  const int64_t cells = static_cast<int64_t>(axis.cells.starts.size()) - 1;
  for (size_t place = 0; place < axis.pixels.size(); ++place) {
    for (int64_t cell = 0; cell < cells; ++cell) {
      for (const Part* part = axis.cells.begin(cell); part != axis.cells.end(cell); ++part) {
        if (part->line == static_cast<int64_t>(place)) readers.parts.push_back({cell, part->weight});
      }
    }
    readers.starts.push_back(readers.parts.size());
  }
  return readers;
}

/** to[i] = Σ over the parts of weight · from[line · pitch + i], added to what is there if asked. */
template <typename Number, bool adds = false>
void mix(Number* to, const Number* from, int64_t pitch, const Part* begin, const Part* end, int64_t count) {
  constexpr int64_t width = 32 / sizeof(Number);
  typedef Number Vector __attribute__((vector_size(32), aligned(alignof(Number)), may_alias));
  int64_t index = 0;
  for (; index + width <= count; index += width) {
    Vector sum = {};
    if constexpr (adds) sum = *reinterpret_cast<const Vector*>(to + index);
    for (const Part* part = begin; part != end; ++part)
      sum += static_cast<Number>(part->weight) * *reinterpret_cast<const Vector*>(from + part->line * pitch + index);
    *reinterpret_cast<Vector*>(to + index) = sum;
  }
  for (; index < count; ++index) {
    Number sum = adds ? to[index] : Number(0);
    for (const Part* part = begin; part != end; ++part)
      sum += static_cast<Number>(part->weight) * from[part->line * pitch + index];
    to[index] = sum;
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

// A cell's weights are products of those of its row and its column: a row of cells is first mixed of the image's rows,
// then every cell of that row's columns.

template <typename Number>
void sampleRegions(const RegionShape& shape, const std::vector<Region>& regions, const Number* images, Number* result) {
  const int64_t channels = shape.channels, imageRow = shape.width * channels, cellRow = shape.resultWidth * channels;
  overImages(static_cast<int64_t>(regions.size()), [&](int64_t, int64_t begin, int64_t end) {
    std::vector<Number> mixed(static_cast<size_t>(imageRow));
    for (int64_t index = begin; index < end; ++index) {
      const Region& region = regions[static_cast<size_t>(index)];
      const Axis rows = axisOf(region.rows, shape.height, shape.sampling, shape.outside);
      const Axis columns = axisOf(region.columns, shape.width, shape.sampling, shape.outside);
      const Number* const image = images + region.image * shape.height * imageRow;
      const Mixture imageRows = byPixel(rows);
      for (int64_t row = 0; row < shape.resultHeight; ++row) {
        for (size_t place = 0; place < columns.pixels.size(); ++place)
          mix<Number>(mixed.data() + static_cast<int64_t>(place) * channels, image + columns.pixels[place] * channels,
                      imageRow, imageRows.begin(row), imageRows.end(row), channels);
        Number* const cells = result + (index * shape.resultHeight + row) * cellRow;
        for (int64_t column = 0; column < shape.resultWidth; ++column)
          mix<Number>(cells + column * channels, mixed.data(), channels, columns.cells.begin(column),
                      columns.cells.end(column), channels);
      }
    }
  });
}

template <typename Number>
void sampleRegionsGradient(const RegionShape& shape, const std::vector<Region>& regions, const Number* gradient,
                           Number* found) {
  const int64_t channels = shape.channels, imageRow = shape.width * channels, cellRow = shape.resultWidth * channels;
  // Regions overlap, so threads share out the channels: each sum has its terms in the regions' order.
  overImages(channels, [&](int64_t, int64_t begin, int64_t end) {
    const int64_t count = end - begin;
    std::vector<Number> mixed(static_cast<size_t>(count));
    for (size_t index = 0; index < regions.size(); ++index) {
      const Region& region = regions[index];
      const Axis rows = axisOf(region.rows, shape.height, shape.sampling, shape.outside);
      const Axis columns = axisOf(region.columns, shape.width, shape.sampling, shape.outside);
      const Mixture readers = readersOf(columns);
      Number* const image = found + region.image * shape.height * imageRow;
      for (int64_t row = 0; row < shape.resultHeight; ++row) {
        const Number* const cells =
            gradient + (static_cast<int64_t>(index) * shape.resultHeight + row) * cellRow + begin;
        if (rows.cells.begin(row) == rows.cells.end(row)) continue;
        for (size_t place = 0; place < columns.pixels.size(); ++place) {
          const int64_t line = static_cast<int64_t>(place);
          mix<Number>(mixed.data(), cells, channels, readers.begin(line), readers.end(line), count);
          for (const Part* part = rows.cells.begin(row); part != rows.cells.end(row); ++part) {
            const Part one{0, part->weight};
            Number* const pixel = image + rows.pixels[static_cast<size_t>(part->line)] * imageRow +
                                  columns.pixels[place] * channels + begin;
            mix<Number, true>(pixel, mixed.data(), 0, &one, &one + 1, count);
          }
        }
      }
    }
  });
}

template void sampleRegions(const RegionShape&, const std::vector<Region>&, const float*, float*);
template void sampleRegions(const RegionShape&, const std::vector<Region>&, const double*, double*);
template void sampleRegionsGradient(const RegionShape&, const std::vector<Region>&, const float*, float*);
template void sampleRegionsGradient(const RegionShape&, const std::vector<Region>&, const double*, double*);

}  // namespace nasnet::kernels
