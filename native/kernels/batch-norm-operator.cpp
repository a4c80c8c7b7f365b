// nasnet::batch_norm: nasnet's kernel for supported tensors, libtorch's operator for others.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "batch-norm.h"
#include "images.h"
#include "norms.h"
#include "step-node.h"

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
  normalise(pixels, floatsOf(input), Norm(floatsOf(norm), pixels.channels), floatsOf(result));
  return result;
}

struct NormGradients {
  at::Tensor input, weight, bias;
};

/** norm: that of the batch; bias: undefined where it is not known. */
NormGradients normGradients(const at::Tensor& input, const at::Tensor& norm, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& outer, bool toInput) {
  const at::Tensor gradient = outer.contiguous(at::MemoryFormat::ChannelsLast);
  const Pixels pixels = pixelsOf(input);
  NormGradients found;
  if (toInput) found.input = emptyImages(input, input.sizes());
  found.weight = emptyGradient(weight);
  found.bias = emptyGradient(bias.defined() ? bias : weight);
  normaliseGradients(pixels, floatsOf(input), Norm(floatsOf(norm), pixels.channels), floatsOf(weight),
                     floatsOf(gradient), floatsOf(found.input), floatsOf(found.weight), floatsOf(found.bias));
  return found;
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  /** weight and bias are the scale and shift of the norms; they are separate arguments for autograd. */
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& /* bias */, const Norms& norms) {
    const Pixels pixels = pixelsOf(input);
    const at::Tensor kept = normOf(norms, moments(pixels, floatsOf(input)), pixels.count);
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
      NormGradients found = normGradients(input, context->saved_data["norm"].toTensor(), weight, {}, outer[0], toInput);
      return {found.input, found.weight, found.bias, at::Tensor()};
    }
    return {inputGradient, weightGradient, biasGradient, at::Tensor()};
  }
};

struct BatchNormNode : StepNode {
  BatchNormNode(const ObservedCall& call, Norms norms)
      : input(call.values[0]), output(call.results[0]), norms(std::move(norms)) {}

  void forward(StepValues& values) override {
    images = values.at(input);
    norm = normOf(norms, moments(pixelsOf(images), floatsOf(images)), pixelsOf(images).count);
    values.set(output, normalisedBy(norm, images));
  }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(output);
    if (!outer.defined()) return;
    NormGradients found = normGradients(images, norm, norms.scale, norms.shift, outer, values.hasGradient(input));
    values.addGradient(input, found.input);
    addToParameter(norms.scale, std::move(found.weight));
    addToParameter(norms.shift, std::move(found.bias));
  }

  void release() override {
    images.reset();
    norm.reset();
  }

  const Value input, output;
  const Norms norms;
  at::Tensor images, norm;
};

/** Whether the kernels compute the norm of these images. */
bool isCovered(const at::Tensor& input, const Norms& norms) {
  bool ours =
      !kernelsOff() && isFloats(input) && isChannelsLast(input) && input.numel() > 0 && pixelsOf(input).count > 1;
  for (const at::Tensor* each : {&norms.scale, &norms.shift, &norms.movingMean, &norms.movingVariance})
    ours = ours && isVector(*each, input.size(1));
  return ours;
}

at::Tensor batchNorm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                     const at::Tensor& movingMean, const at::Tensor& movingVariance, bool training, double momentum,
                     double epsilon) {
  const Norms norms{weight, bias, movingMean, movingVariance, training, momentum, epsilon};
  const bool ours = isCovered(input, norms);
  if (ours && training) return BatchNorm::apply(input, weight, bias, norms);
  const bool recorded =
      at::GradMode::is_enabled() && (input.requires_grad() || weight.requires_grad() || bias.requires_grad());
  if (ours && !recorded) return normalisedBy(normOf(norms, Moments(), pixelsOf(input).count), input);
  return composedNorm(input, weight, bias, movingMean, movingVariance, training, momentum, epsilon);
}

}  // namespace

std::unique_ptr<StepNode> batchNormNode(const ObservedCall& call) {
  if (call.isConstant(0) || !call.arguments[5].toBool()) return nullptr;
  for (size_t index = 1; index < 5; ++index)
    if (!call.isConstant(index)) return nullptr;
  Norms norms{call.tensor(1),
              call.tensor(2),
              call.tensor(3),
              call.tensor(4),
              true,
              call.arguments[6].toDouble(),
              call.arguments[7].toDouble()};
  return isCovered(call.tensor(0), norms) ? std::make_unique<BatchNormNode>(call, std::move(norms)) : nullptr;
}

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "batch_norm(Tensor input, Tensor weight, Tensor bias, Tensor moving_mean, Tensor moving_variance, bool training, "
      "float momentum, float epsilon) -> Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("batch_norm", composedNorm); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("batch_norm", batchNorm); }

}  // namespace nasnet::kernels
