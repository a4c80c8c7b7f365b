// A cache of packed weights for forward passes without gradients: inference reads the same weights many times, and
// packing them takes a sixth of the time of one image.
#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "unit-weights.h"

namespace nasnet::kernels {

/** Returns the packed weights of a unit; with `keep` those of an earlier forward if they have not changed. */
std::shared_ptr<const PackedUnit> packed(const Unit& unit, const at::Tensor& depthwise, const at::Tensor& weight,
                                         const Weight& layout, bool keep);

/** Frees what is kept: a program that is made of forward passes has its own. */
void forgetPacked();

}  // namespace nasnet::kernels
