// nasnet::average_pool2d and nasnet::max_pool2d, which ignore padding: nasnet's kernels for supported tensors,
// libtorch's operators for others.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <limits>

#include "fan-out.h"
#include "max-pool.h"
#include "operands.h"

namespace nasnet::kernels {

namespace {

using Context = torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/**
 * Whether a side's odd cell of padding is had by rounding the number of windows up: libtorch pads pools evenly, at most
 * half the kernel.
 */
bool byRoundingUp(const Axis& axis) {
  const int64_t room = axis.input + 2 * axis.before - axis.kernel;
  return axis.before >= 0 && axis.before <= axis.kernel / 2 && room >= 0 &&
         axis.result == (room + axis.stride - 1) / axis.stride + 1;
}

bool isEven(const Axis& axis) {
  return axis.before == axis.after && axis.before >= 0 && axis.before <= axis.kernel / 2;
}

at::Tensor padded(const at::Tensor& input, const Window& window, double value) {
  return at::constant_pad_nd(
      input, {window.columns.before, window.columns.after, window.rows.before, window.rows.after}, value);
}

at::Tensor composedAverage(const at::Tensor& input, at::IntArrayRef kernel, at::IntArrayRef stride,
                           at::IntArrayRef padding) {
  const Window window = windowOf(input, kernel, stride, padding, {1, 1});
  const std::vector<int64_t> before{window.rows.before, window.columns.before};
  if (isEven(window.rows) && isEven(window.columns)) return at::avg_pool2d(input, kernel, stride, before, false, false);
  if (byRoundingUp(window.rows) && byRoundingUp(window.columns))
    return at::avg_pool2d(input, kernel, stride, before, true, false);
  const at::Tensor ones = at::ones({1, 1, window.rows.input, window.columns.input}, input.options());
  return at::avg_pool2d(padded(input, window, 0), kernel, stride) /
         at::avg_pool2d(padded(ones, window, 0), kernel, stride);
}

at::Tensor composedMaximum(const at::Tensor& input, at::IntArrayRef kernel, at::IntArrayRef stride,
                           at::IntArrayRef padding) {
  const Window window = windowOf(input, kernel, stride, padding, {1, 1});
  const std::vector<int64_t> before{window.rows.before, window.columns.before};
  if (isEven(window.rows) && isEven(window.columns)) return at::max_pool2d(input, kernel, stride, before);
  if (byRoundingUp(window.rows) && byRoundingUp(window.columns))
    return at::max_pool2d(input, kernel, stride, before, {1, 1}, true);
  return at::max_pool2d(padded(input, window, -std::numeric_limits<double>::infinity()), kernel, stride);
}

/** Returns the gradient by libtorch's operators, which is differentiable. */
template <typename Composed>
at::Tensor differentiable(const Composed& composed, const at::Tensor& input, const Window& window,
                          const at::Tensor& gradient) {
  const at::Tensor result =
      composed(input, {window.rows.kernel, window.columns.kernel}, {window.rows.stride, window.columns.stride},
               {window.rows.before, window.rows.after, window.columns.before, window.columns.after});
  return torch::autograd::grad({result}, {input}, {gradient}, true, true)[0];
}

struct AveragePool : torch::autograd::Function<AveragePool> {
  static at::Tensor forward(Context* context, const at::Tensor& input, const std::vector<int64_t>& numbers) {
    const Window window = windowOfNumbers(numbers);
    at::Tensor result = emptyResult(input, window);
    depthwise(window, storedIn(input), nullptr, false, roomOf(result));
    context->saved_data["shared"] = sharedBy(input);
    context->saved_data["window"] = numbers;
    return result;
  }

  static variable_list backward(Context* context, variable_list outer) {
    const Window window = windowOfNumbers(context->saved_data["window"].toIntVector());
    if (at::GradMode::is_enabled()) {  // the average is linear: its gradient does not depend on the input
      const at::Tensor any =
          at::zeros({window.images, window.channels, window.rows.input, window.columns.input}, outer[0].options());
      return {differentiable(composedAverage, any.requires_grad_(), window, outer[0]), at::Tensor()};
    }
    const at::Tensor gradient = outer[0].contiguous(at::MemoryFormat::ChannelsLast);
    const SharedGradient found(context->saved_data["shared"], gradient,
                               {window.images, window.channels, window.rows.input, window.columns.input});
    depthwiseGradients(window, {}, nullptr, false, storedIn(gradient), roomOf(found.images()), found.adds(), nullptr);
    return {found.result(), at::Tensor()};
  }
};

struct MaxPool : torch::autograd::Function<MaxPool> {
  static at::Tensor forward(Context* context, const at::Tensor& input, const std::vector<int64_t>& numbers) {
    const Window window = windowOfNumbers(numbers);
    at::Tensor result = emptyResult(input, window);
    const at::Tensor places = at::empty({window.images * window.resultFloats()}, at::kByte);
    maxPool(window, storedIn(input), roomOf(result), places.data_ptr<uint8_t>());
    context->saved_data["window"] = numbers;
    context->saved_data["places"] = places;
    context->saved_data["shared"] = sharedBy(input);
    context->save_for_backward({input});
    return result;
  }

  static variable_list backward(Context* context, variable_list outer) {
    const Window window = windowOfNumbers(context->saved_data["window"].toIntVector());
    const at::Tensor input = context->get_saved_variables()[0];
    if (at::GradMode::is_enabled()) return {differentiable(composedMaximum, input, window, outer[0]), at::Tensor()};
    const at::Tensor gradient = outer[0].contiguous(at::MemoryFormat::ChannelsLast);
    const SharedGradient found(context->saved_data["shared"], input, input.sizes());
    maxPoolGradient(window, storedIn(gradient), context->saved_data["places"].toTensor().data_ptr<uint8_t>(),
                    roomOf(found.images()), found.adds());
    return {found.result(), at::Tensor()};
  }
};

template <typename Ours, at::Tensor (*composed)(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef)>
at::Tensor pool(const at::Tensor& input, at::IntArrayRef kernel, at::IntArrayRef stride, at::IntArrayRef padding) {
  if (!kernelsOff() && isStored(input) && isChannelsLast(input)) {
    const Window window = windowOf(input, kernel, stride, padding, {1, 1});
    if (covers(window)) return Ours::apply(input, numbersOf(window));
  }
  return composed(input, kernel, stride, padding);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def("average_pool2d(Tensor input, int[2] kernel, int[2] stride, int[4] padding) -> Tensor");
  library.def("max_pool2d(Tensor input, int[2] kernel, int[2] stride, int[4] padding) -> Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) {
  library.impl("average_pool2d", composedAverage);
  library.impl("max_pool2d", composedMaximum);
}
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) {
  library.impl("average_pool2d", pool<AveragePool, composedAverage>);
  library.impl("max_pool2d", pool<MaxPool, composedMaximum>);
}

}  // namespace nasnet::kernels
