// nasnet::depthwise_conv2d for autograd and the generic call: nasnet's kernel for supported tensors, libtorch's
// operators for others.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "operands.h"

namespace nasnet::kernels {

namespace {

/**
 * input [n, c, h, w], weight [c, 1, kh, kw], of float32 for images of bfloat16, too → [n, c, h', w']; through a ReLU
 * first if asked.
 */
at::Tensor composedDepthwise(const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef stride,
                             at::IntArrayRef padding, at::IntArrayRef dilation, bool relu) {
  TORCH_CHECK(padding.size() == 4, "padding: expected four numbers");
  at::Tensor source = relu ? input.relu() : input;
  const bool even = padding[0] == padding[1] && padding[2] == padding[3] && padding[0] >= 0 && padding[2] >= 0;
  if (!even) source = at::constant_pad_nd(source, {padding[2], padding[3], padding[0], padding[1]});
  const std::vector<int64_t> around = even ? std::vector<int64_t>{padding[0], padding[2]} : std::vector<int64_t>{0, 0};
  return at::conv2d(source, source.scalar_type() == at::kBFloat16 ? weight.to(at::kBFloat16) : weight, {}, stride,
                    around, dilation, weight.size(0));
}

struct DepthwiseConvolution : torch::autograd::Function<DepthwiseConvolution> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const std::vector<int64_t>& numbers, bool relu) {
    const Window window = windowOfNumbers(numbers);
    at::Tensor result = emptyResult(input, window);
    depthwise(window, storedIn(input), weight.data_ptr<float>(), relu, roomOf(result));
    context->save_for_backward({input, weight});
    context->saved_data["window"] = numbers;
    context->saved_data["relu"] = relu;
    context->saved_data["toInput"] = input.requires_grad();
    context->saved_data["toWeight"] = weight.requires_grad();
    return result;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list outer) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1];
    const Window window = windowOfNumbers(context->saved_data["window"].toIntVector());
    const bool relu = context->saved_data["relu"].toBool();
    const bool toInput = context->saved_data["toInput"].toBool(), toWeight = context->saved_data["toWeight"].toBool();
    at::Tensor inputGradient, weightGradient;
    if (at::GradMode::is_enabled()) {  // gradients of gradients: libtorch's operators support them
      const at::Tensor result =
          composedDepthwise(input, weight, {window.rows.stride, window.columns.stride},
                            {window.rows.before, window.rows.after, window.columns.before, window.columns.after},
                            {window.rows.dilation, window.columns.dilation}, relu);
      torch::autograd::variable_list variables;
      if (toInput) variables.push_back(input);
      if (toWeight) variables.push_back(weight);
      const torch::autograd::variable_list found = torch::autograd::grad({result}, variables, {outer[0]}, true, true);
      if (toInput) inputGradient = found[0];
      if (toWeight) weightGradient = found.back();
    } else {
      const at::Tensor gradient = outer[0].contiguous(at::MemoryFormat::ChannelsLast);
      if (toInput) inputGradient = emptyImages(input, input.sizes());
      if (toWeight) weightGradient = at::empty(weight.sizes(), weight.options());
      depthwiseGradients(window, storedIn(input), weight.data_ptr<float>(), relu, storedIn(gradient),
                         roomOf(inputGradient), false, toWeight ? weightGradient.data_ptr<float>() : nullptr);
    }
    return {inputGradient, weightGradient, at::Tensor(), at::Tensor()};
  }
};

at::Tensor depthwiseConvolution(const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef stride,
                                at::IntArrayRef padding, at::IntArrayRef dilation, bool relu) {
  const bool plain = weight.dim() == 4 && weight.size(0) == input.size(1) && weight.size(1) == 1 &&
                     weight.scalar_type() == at::kFloat && weight.device().is_cpu();
  if (!kernelsOff() && isStored(input) && isChannelsLast(input) && plain) {
    const Window window = windowOf(input, weight.sizes().slice(2), stride, padding, dilation);
    if (covers(window)) return DepthwiseConvolution::apply(input, weight.contiguous(), numbersOf(window), relu);
  }
  return composedDepthwise(input, weight, stride, padding, dilation, relu);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "depthwise_conv2d(Tensor input, Tensor weight, int[2] stride, int[4] padding, int[2] dilation, bool relu) -> "
      "Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("depthwise_conv2d", composedDepthwise); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("depthwise_conv2d", depthwiseConvolution); }

}  // namespace nasnet::kernels
