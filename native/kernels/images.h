// The memory layout of images for the fused operators: contiguous channels, and pixels at any equal distance, so that a
// slice of a concatenation can be read in place.
#pragma once

#include <ATen/ATen.h>

#include "batch-norm.h"
#include "loops/loops.h"
#include "operands.h"

namespace nasnet::kernels {

inline Pixels pixelsOf(const at::Tensor& images) {
  return {images.size(0) * images.size(2) * images.size(3), images.size(1)};
}

/**
 * Returns the floats from pixel to pixel of [n, channels, height, width]; 0 if distances differ or channels are not
 * contiguous.
 */
inline int64_t pitchOf(const at::Tensor& images) {
  if (images.size(1) > 1 && images.stride(1) != 1) return 0;
  int64_t pitch = images.size(1), pixels = 1;
  bool known = false;
  for (const int64_t axis : {3, 2, 0}) {
    if (images.size(axis) == 1) continue;
    if (!known) pitch = images.stride(axis) / pixels;
    if (images.stride(axis) != pitch * pixels) return 0;
    known = true;
    pixels *= images.size(axis);
  }
  return pitch >= images.size(1) ? pitch : 0;
}

/** Returns the images in a layout with a pitch. */
inline at::Tensor pitched(const at::Tensor& images) {
  return pitchOf(images) > 0 ? images : images.contiguous(at::MemoryFormat::ChannelsLast);
}

/** Returns the images without gaps. */
inline at::Tensor dense(const at::Tensor& images) {
  return pitchOf(images) == images.size(1) ? images : images.contiguous(at::MemoryFormat::ChannelsLast);
}

inline void checkImages(const at::Tensor& images) {
  TORCH_CHECK(isStored(images) && images.dim() == 4 && images.numel() > 0,
              "expected float32 or bfloat16 images [n, channels, height, width] on the CPU");
}

/** norm: [4, channels] of a unit's raw result. */
inline void checkNorm(const at::Tensor& norm, int64_t channels) {
  TORCH_CHECK(
      isFloats(norm) && norm.is_contiguous() && norm.dim() == 2 && norm.size(0) == 4 && norm.size(1) == channels,
      "expected the norm that came with the images, [4, ", channels, "]");
}

/** Normalises raw images by their norm with libtorch's operators. */
inline at::Tensor normalised(const at::Tensor& raw, const at::Tensor& norm) {
  const auto row = [&](int64_t index) { return norm.select(0, index).reshape({1, -1, 1, 1}); };
  return (raw - row(0)) * row(1) + row(2);
}

constexpr const char* noSecondGradient =
    "the gradient of a gradient is not there for fused operators; with NASNET_FUSED=off in the environment it is";

}  // namespace nasnet::kernels
