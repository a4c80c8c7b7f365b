// The tensors of a batch norm, and the norm of each channel that is computed from them.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "batch-norm.h"

namespace nasnet::kernels {

/** The parameters and moving statistics of a batch norm, float32 [channels] each. Without tensors: no norm. */
struct Norms {
  at::Tensor scale, shift, movingMean, movingVariance;
  bool training;
  double momentum, epsilon;

  bool any() const { return scale.defined(); }
};

/**
 * [4, channels] as Norm has it. In training by a batch of so many pixels, which moves the moving statistics: to
 * (1 − momentum) · moving + momentum · the batch's, with its unbiased variance, as libtorch does; else by those.
 */
at::Tensor normOf(const Norms& norms, const Moments& batch, int64_t pixels);

}  // namespace nasnet::kernels
