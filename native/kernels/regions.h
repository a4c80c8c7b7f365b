// Regions of images: bilinear samples on a grid over each, averaged by cells (RoIAlign), and nonmaximum suppression of
// boxes. Images lie pixel after pixel, the channels side by side. Boxes are x1, y1, x2, y2.
#pragma once

#include <cstdint>
#include <vector>

namespace nasnet::kernels {

/** A bilinear sample along one axis: (1 - share) · value[low] + share · value[high]; 0 outside. */
struct Tap {
  int64_t low, high;
  double share;
  bool inside;
};

/** Where a region's samples lie along one axis. */
struct Samples {
  double first, step;
  int64_t count;
};

/** The value of a sample beyond the image's pixels. */
enum class Outside {
  clamped,  // up to one pixel away the border's value, then 0 (RoIAlign)
  zero,     // 0 (crop_and_resize)
};

/** Pixels by which rounding may take the last sample of a box beyond the image: it is inside. */
constexpr double rounding = 1e-4;

std::vector<Tap> tapsOf(const Samples& samples, int64_t size, Outside outside);

/** A region: its image, and its samples along y and x, `sampling` of them for each cell of the result. */
struct Region {
  int64_t image;
  Samples rows, columns;
};

struct RegionShape {
  int64_t height, width, channels;    // of the images
  int64_t resultHeight, resultWidth;  // cells of a result
  int64_t sampling;                   // samples along each side of a cell
  Outside outside;
};

/** result: [regions, resultHeight, resultWidth, channels] from images [n, height, width, channels]. */
template <typename Number>
void sampleRegions(const RegionShape& shape, const std::vector<Region>& regions, const Number* images, Number* result);

/** Adds the gradient of the images to `found`; equal for every number of threads. */
template <typename Number>
void sampleRegionsGradient(const RegionShape& shape, const std::vector<Region>& regions, const Number* gradient,
                           Number* found);

}  // namespace nasnet::kernels
