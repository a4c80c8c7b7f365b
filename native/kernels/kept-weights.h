// Packed weights, kept from forward to forward where no gradient is recorded: inference reads the same ones again and
// again, and packing them takes a sixth of the time of one image.
#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "unit-weights.h"

namespace nasnet::kernels {

/** The weights of a unit, packed now or, with `keep`, in an earlier forward since which they did not change. */
std::shared_ptr<const PackedUnit> packed(const Unit& unit, const at::Tensor& depthwise, const at::Tensor& weight,
                                         const Weight& layout, bool keep);

}  // namespace nasnet::kernels
