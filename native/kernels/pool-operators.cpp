// nasnet::average_pool2d and nasnet::max_pool2d, which ignore padding: nasnet's kernels for supported tensors,
// libtorch's operators for others.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <limits>

#include "fan-out.h"
#include "max-pool.h"
#include "operands.h"
#include "step-node.h"

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

std::vector<int64_t> inputShape(const Window& window) {
  return {window.images, window.channels, window.rows.input, window.columns.input};
}

at::Tensor averageOf(const Window& window, const at::Tensor& input) {
  at::Tensor result = emptyResult(input, window);
  depthwise(window, storedIn(input), nullptr, false, roomOf(result));
  return result;
}

/** sum: as SharedGradient has it. */
at::Tensor averageGradient(const Window& window, const at::Tensor& outer, at::Tensor* sum) {
  const at::Tensor gradient = outer.contiguous(at::MemoryFormat::ChannelsLast);
  const SharedGradient found(sum, gradient, inputShape(window));
  depthwiseGradients(window, {}, nullptr, false, storedIn(gradient), roomOf(found.images()), found.adds(), nullptr);
  return found.result();
}

struct Maximum {
  at::Tensor result, places;
};

Maximum maximumOf(const Window& window, const at::Tensor& input) {
  Maximum made{emptyResult(input, window), emptyTensor({window.images * window.resultFloats()}, at::kByte)};
  maxPool(window, storedIn(input), roomOf(made.result), made.places.data_ptr<uint8_t>());
  return made;
}

at::Tensor maximumGradient(const Window& window, const at::Tensor& outer, const at::Tensor& places, at::Tensor* sum) {
  const at::Tensor gradient = outer.contiguous(at::MemoryFormat::ChannelsLast);
  const SharedGradient found(sum, gradient, inputShape(window));
  maxPoolGradient(window, storedIn(gradient), places.data_ptr<uint8_t>(), roomOf(found.images()), found.adds());
  return found.result();
}

struct AveragePool : torch::autograd::Function<AveragePool> {
  static at::Tensor forward(Context* context, const at::Tensor& input, const std::vector<int64_t>& numbers) {
    const Window window = windowOfNumbers(numbers);
    at::Tensor result = averageOf(window, input);
    context->saved_data["shared"] = sharedBy(input);
    context->saved_data["window"] = numbers;
    return result;
  }

  static variable_list backward(Context* context, variable_list outer) {
    const Window window = windowOfNumbers(context->saved_data["window"].toIntVector());
    if (at::GradMode::is_enabled()) {  // the average is linear: its gradient does not depend on the input
      const at::Tensor any = at::zeros(inputShape(window), outer[0].options());
      return {differentiable(composedAverage, any.requires_grad_(), window, outer[0]), at::Tensor()};
    }
    return {averageGradient(window, outer[0], sumIn(context->saved_data["shared"])), at::Tensor()};
  }
};

struct MaxPool : torch::autograd::Function<MaxPool> {
  static at::Tensor forward(Context* context, const at::Tensor& input, const std::vector<int64_t>& numbers) {
    const Window window = windowOfNumbers(numbers);
    const auto [result, places] = maximumOf(window, input);
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
    return {maximumGradient(window, outer[0], context->saved_data["places"].toTensor(),
                            sumIn(context->saved_data["shared"])),
            at::Tensor()};
  }
};

/** Returns the window if the kernels compute the pool of this input. */
c10::optional<Window> coveredWindow(const at::Tensor& input, at::IntArrayRef kernel, at::IntArrayRef stride,
                                    at::IntArrayRef padding) {
  if (kernelsOff() || !isStored(input) || !isChannelsLast(input)) return {};
  const Window window = windowOf(input, kernel, stride, padding, {1, 1});
  return covers(window) ? c10::optional<Window>(window) : c10::nullopt;
}

template <typename Ours, at::Tensor (*composed)(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef)>
at::Tensor pool(const at::Tensor& input, at::IntArrayRef kernel, at::IntArrayRef stride, at::IntArrayRef padding) {
  const auto window = coveredWindow(input, kernel, stride, padding);
  return window ? Ours::apply(input, numbersOf(*window)) : composed(input, kernel, stride, padding);
}

struct PoolNode : StepNode {
  PoolNode(const ObservedCall& call, const Window& window)
      : window(window), input(call.values[0]), result(call.results[0]) {}

  const Window window;
  const Value input, result;
};

struct AveragePoolNode : PoolNode {
  using PoolNode::PoolNode;

  void forward(StepValues& values) override { values.set(result, averageOf(window, values.at(input))); }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(result);
    if (outer.defined()) values.addGradient(input, averageGradient(window, outer, values.sharedSum(input)));
  }
};

struct MaxPoolNode : PoolNode {
  using PoolNode::PoolNode;

  void forward(StepValues& values) override {
    Maximum made = maximumOf(window, values.at(input));
    values.set(result, made.result);
    places = made.places;
  }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(result);
    if (outer.defined()) values.addGradient(input, maximumGradient(window, outer, places, values.sharedSum(input)));
  }

  void release() override { places.reset(); }

  at::Tensor places;
};

template <typename Made>
std::unique_ptr<StepNode> poolNode(const ObservedCall& call) {
  if (call.isConstant(0)) return nullptr;
  const auto numbers = [&](size_t index) { return call.arguments[index].toIntVector(); };
  const auto window = coveredWindow(call.tensor(0), numbers(1), numbers(2), numbers(3));
  return window ? std::make_unique<Made>(call, *window) : nullptr;
}

}  // namespace

std::unique_ptr<StepNode> averagePoolNode(const ObservedCall& call) { return poolNode<AveragePoolNode>(call); }
std::unique_ptr<StepNode> maxPoolNode(const ObservedCall& call) { return poolNode<MaxPoolNode>(call); }

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
