// nasnet::batch_norm: nasnet's kernel for supported tensors, libtorch's operator for others.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "batch-norm.h"
#include "images.h"
#include "norms.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;

at::Tensor composedNorm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& movingMean, const at::Tensor& movingVariance, bool training, double momentum,
                        double epsilon) {
  return at::batch_norm(input, weight, bias, movingMean, movingVariance, training, momentum, epsilon, false);
}

at::Tensor normalisedBy(const at::Tensor& norm, const at::Tensor& input) {
  const Pixels pixels = pixelsOf(input);
  at::Tensor result = emptyImages(input, input.sizes());
  normalise(pixels, input.data_ptr<float>(), Norm(norm.data_ptr<float>(), pixels.channels), result.data_ptr<float>());
  return result;
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  /** weight and bias are the scale and shift of the norms; they are separate arguments for autograd. */
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& /* bias */, const Norms& norms) {
    const Pixels pixels = pixelsOf(input);
    const at::Tensor kept = normOf(norms, moments(pixels, input.data_ptr<float>()), pixels.count);
    const at::Tensor result = normalisedBy(kept, input);
    context->save_for_backward({input, weight});
    context->saved_data["norm"] = kept;
    context->saved_data["epsilon"] = norms.epsilon;
    context->saved_data["toInput"] = input.requires_grad();
    return result;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1];
    const bool toInput = context->saved_data["toInput"].toBool();
    at::Tensor inputGradient, weightGradient, biasGradient;
    if (at::GradMode::is_enabled()) {  // gradients of gradients: libtorch's operator supports them
      const at::Tensor bias = at::zeros(weight.sizes(), weight.options()).requires_grad_();
      const at::Tensor result =
          composedNorm(input, weight, bias, {}, {}, true, 0, context->saved_data["epsilon"].toDouble());
      variable_list variables{bias};
      if (weight.requires_grad()) variables.push_back(weight);
      if (toInput) variables.push_back(input);
      const variable_list found = torch::autograd::grad({result}, variables, {outer[0]}, true, true);
      biasGradient = found[0];
      if (weight.requires_grad()) weightGradient = found[1];
      if (toInput) inputGradient = found.back();
    } else {
      const at::Tensor gradient = outer[0].contiguous(at::MemoryFormat::ChannelsLast);
      const Pixels pixels = pixelsOf(input);
      const at::Tensor kept = context->saved_data["norm"].toTensor();
      if (toInput) inputGradient = emptyImages(input, input.sizes());
      weightGradient = at::empty(weight.sizes(), weight.options());
      biasGradient = at::empty(weight.sizes(), weight.options());
      normaliseGradients(pixels, input.data_ptr<float>(), Norm(kept.data_ptr<float>(), pixels.channels),
                         weight.data_ptr<float>(), gradient.data_ptr<float>(),
                         toInput ? inputGradient.data_ptr<float>() : nullptr, weightGradient.data_ptr<float>(),
                         biasGradient.data_ptr<float>());
    }
    return {inputGradient, weightGradient, biasGradient, at::Tensor()};
  }
};

at::Tensor batchNorm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                     const at::Tensor& movingMean, const at::Tensor& movingVariance, bool training, double momentum,
                     double epsilon) {
  bool ours =
      !kernelsOff() && isFloats(input) && isChannelsLast(input) && input.numel() > 0 && pixelsOf(input).count > 1;
  for (const at::Tensor* each : {&weight, &bias, &movingMean, &movingVariance})
    ours = ours && isVector(*each, input.size(1));
  const Norms norms{weight, bias, movingMean, movingVariance, training, momentum, epsilon};
  if (ours && training) return BatchNorm::apply(input, weight, bias, norms);
  const bool recorded =
      at::GradMode::is_enabled() && (input.requires_grad() || weight.requires_grad() || bias.requires_grad());
  if (ours && !recorded) return normalisedBy(normOf(norms, Moments(), pixelsOf(input).count), input);
  return composedNorm(input, weight, bias, movingMean, movingVariance, training, momentum, epsilon);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "batch_norm(Tensor input, Tensor weight, Tensor bias, Tensor moving_mean, Tensor moving_variance, bool training, "
      "float momentum, float epsilon) -> Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("batch_norm", composedNorm); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("batch_norm", batchNorm); }

}  // namespace nasnet::kernels
