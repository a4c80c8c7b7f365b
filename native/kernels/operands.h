// Shared by the operators of this folder: the window of their arguments, and checks whether nasnet's kernels support a
// tensor.
#pragma once

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>

#include <vector>

#include "depthwise.h"
#include "loops/loops.h"
#include "step-memory.h"
#include "window.h"

namespace nasnet::kernels {

/**
 * The window of an operator on input [n, c, h, w]; strides and dilation [vertical, horizontal], padding [top, bottom,
 * left, right].
 */
inline Window windowOf(const at::Tensor& input, at::IntArrayRef kernel, at::IntArrayRef stride, at::IntArrayRef padding,
                       at::IntArrayRef dilation) {
  TORCH_CHECK(input.dim() == 4, "expected images [n, channels, height, width], got ", input.dim(), " axes");
  TORCH_CHECK(kernel.size() == 2 && stride.size() == 2 && dilation.size() == 2 && padding.size() == 4,
              "expected two numbers for kernel, stride and dilation, four for padding");
  const auto axis = [&](int64_t index) {
    Axis made{input.size(2 + index), 0, kernel[index], stride[index], dilation[index], padding[2 * index],
              padding[2 * index + 1]};
    TORCH_CHECK(made.kernel > 0 && made.stride > 0 && made.dilation > 0, "kernel, stride and dilation start at 1");
    const int64_t room = made.input + made.before + made.after - (made.kernel - 1) * made.dilation - 1;
    TORCH_CHECK(room >= 0, "the kernel is larger than the padded image");
    made.result = room / made.stride + 1;
    return made;
  };
  return {input.size(0), input.size(1), axis(0), axis(1)};
}

/** Whether nasnet's kernels can read the tensor in place: a dense one on the CPU. */
inline bool isOurs(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.defined() && tensor.device().is_cpu() && tensor.scalar_type() == dtype &&
         tensor.layout() == at::kStrided;
}
inline bool isFloats(const at::Tensor& tensor) { return isOurs(tensor, at::kFloat); }
inline bool isDense(const at::Tensor& tensor) { return isFloats(tensor) && tensor.is_non_overlapping_and_dense(); }

/** Whether the numbers of both have the same order in memory. The stride of an axis of one place says nothing. */
inline bool areAlike(const at::Tensor& one, const at::Tensor& other) {
  if (!isDense(one) || !isDense(other) || one.sizes() != other.sizes()) return false;
  for (int64_t axis = 0; axis < one.dim(); ++axis) {
    if (one.size(axis) > 1 && one.stride(axis) != other.stride(axis)) return false;
  }
  return true;
}

inline void checkLists(at::TensorList one, at::TensorList other) {
  TORCH_CHECK(one.size() == other.size(), "expected two lists of equal length, got ", one.size(), " and ", other.size(),
              " tensors");
}

inline bool isStored(const at::Tensor& tensor) { return isFloats(tensor) || isOurs(tensor, at::kBFloat16); }

/** Whether images are in channels_last memory without gaps. */
inline bool isChannelsLast(const at::Tensor& images) {
  return images.dim() == 4 && images.is_contiguous(at::MemoryFormat::ChannelsLast);
}

/** float32 [length]. */
inline bool isVector(const at::Tensor& tensor, int64_t length) {
  return isFloats(tensor) && tensor.dim() == 1 && tensor.size(0) == length && tensor.is_contiguous();
}

inline Numbers numbersIn(const at::Tensor& images) {
  return images.scalar_type() == at::kBFloat16 ? Numbers::bf16 : Numbers::float32;
}

/** The floats of a float32 tensor where there is one. libtorch's own checks the type, in a call each time. */
inline float* floatsOf(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<float*>(tensor.data_ptr()) : nullptr;
}

/** The numbers of images where there are any. */
inline Stored storedIn(const at::Tensor& images) {
  return images.defined() ? Stored(images.data_ptr(), numbersIn(images)) : Stored();
}
inline Room roomOf(const at::Tensor& images) {
  return images.defined() ? Room(images.data_ptr(), numbersIn(images)) : Room();
}

/** Returns memory on the CPU without the dispatcher, which takes longer than the allocation. */
inline at::Tensor emptyTensor(at::IntArrayRef shape, at::ScalarType dtype,
                              at::MemoryFormat format = at::MemoryFormat::Contiguous) {
  StepMemory* const memory = StepMemory::current();
  return memory != nullptr ? memory->make(shape, dtype, format) : at::detail::empty_cpu(shape, dtype, false, format);
}
inline at::Tensor emptyImages(at::IntArrayRef shape, at::ScalarType dtype) {
  return emptyTensor(shape, dtype, at::MemoryFormat::ChannelsLast);
}
inline at::Tensor emptyImages(const at::Tensor& like, at::IntArrayRef shape) {
  return emptyImages(shape, like.scalar_type());
}
inline at::Tensor emptyFloats(at::IntArrayRef shape) { return emptyTensor(shape, at::kFloat); }

/** Returns memory for the gradient of a parameter, which outlives the step. */
inline at::Tensor emptyGradient(const at::Tensor& parameter) {
  StepMemory* const memory = StepMemory::current();
  return memory != nullptr ? memory->gradients()->roomFor(parameter) : newGradient(parameter);
}

inline at::Tensor emptyResult(const at::Tensor& input, const Window& window) {
  return emptyImages(input, {window.images, window.channels, window.rows.result, window.columns.result});
}

/** Returns numbers from which the window can be restored in the backward. */
inline std::vector<int64_t> numbersOf(const Window& window) {
  std::vector<int64_t> numbers{window.images, window.channels};
  for (const Axis& axis : {window.rows, window.columns}) {
    for (const int64_t each :
         {axis.input, axis.result, axis.kernel, axis.stride, axis.dilation, axis.before, axis.after}) {
      numbers.push_back(each);
    }
  }
  return numbers;
}

inline Window windowOfNumbers(const std::vector<int64_t>& n) {
  return {n[0], n[1], {n[2], n[3], n[4], n[5], n[6], n[7], n[8]}, {n[9], n[10], n[11], n[12], n[13], n[14], n[15]}};
}

}  // namespace nasnet::kernels
