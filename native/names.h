// The names of dtypes, layouts, memory formats and devices in JavaScript. This module does not use N-API.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace nasnet {

/** 'float32', 'int64', … of a dtype. */
std::string dtypeName(at::ScalarType dtype);

/** The dtype of a name; throws std::invalid_argument for an unknown one. */
at::ScalarType dtypeOf(const std::string& name);

/** 'strided' and the sparse ones as libtorch prints them. */
at::Layout layoutOf(const std::string& name);

/** 'contiguous', 'channels_last', 'channels_last_3d' or 'preserve'. */
at::MemoryFormat memoryFormatOf(const std::string& name);

/** '[64, 3, 32, 32] float32', and ' on cuda:0' when not on the CPU. */
std::string describe(const at::Tensor& tensor);

}  // namespace nasnet
