// nasnet::batch_norm: our kernel where it suits, else libtorch's operator.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>

#include "batch-norm.h"
#include "images.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;

at::Tensor composedNorm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& movingMean, const at::Tensor& movingVariance, bool training, double momentum,
                        double epsilon) {
  return at::batch_norm(input, weight, bias, movingMean, movingVariance, training, momentum, epsilon, false);
}

/** (1 − momentum) · moving + momentum · the batch's; the variance is the unbiased one, as libtorch has it. */
void move(const Moments& batch, const Pixels& pixels, double momentum, float* movingMean, float* movingVariance) {
  const double unbiased = static_cast<double>(pixels.count) / static_cast<double>(pixels.count - 1);
  for (int64_t channel = 0; channel < pixels.channels; ++channel) {
    const auto moved = [&](float old, double fresh) {
      return static_cast<float>((1 - momentum) * old + momentum * fresh);
    };
    movingMean[channel] = moved(movingMean[channel], batch.mean[channel]);
    movingVariance[channel] = moved(movingVariance[channel], batch.variance[channel] * unbiased);
  }
}

/** Fills mean, 1 / deviation and weight / deviation of each channel. */
template <typename Mean, typename Variance>
void statistics(int64_t channels, const Mean& mean, const Variance& variance, double epsilon, const float* weight,
                float* means, float* inverses, float* factors) {
  for (int64_t channel = 0; channel < channels; ++channel) {
    const double inverse = 1 / std::sqrt(variance[channel] + epsilon);
    means[channel] = static_cast<float>(mean[channel]);
    inverses[channel] = static_cast<float>(inverse);
    factors[channel] = static_cast<float>(inverse * weight[channel]);
  }
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& movingMean,
                            const at::Tensor& movingVariance, double momentum, double epsilon) {
    const Pixels pixels = pixelsOf(input);
    at::Tensor result = emptyImages(input, input.sizes());
    const at::Tensor kept = at::empty({3, pixels.channels}, at::kFloat);
    float* means = kept.data_ptr<float>();
    float *inverses = means + pixels.channels, *factors = inverses + pixels.channels;
    const Moments batch = moments(pixels, input.data_ptr<float>());
    statistics(pixels.channels, batch.mean, batch.variance, epsilon, weight.data_ptr<float>(), means, inverses,
               factors);
    move(batch, pixels, momentum, movingMean.data_ptr<float>(), movingVariance.data_ptr<float>());
    normalise(pixels, input.data_ptr<float>(), means, factors, bias.data_ptr<float>(), result.data_ptr<float>());
    context->save_for_backward({input, weight});
    context->saved_data["kept"] = kept;
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["toInput"] = input.requires_grad();
    return result;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1];
    const bool toInput = context->saved_data["toInput"].toBool();
    at::Tensor inputGradient, weightGradient, biasGradient;
    if (at::GradMode::is_enabled()) {  // gradients of gradients: libtorch's operator knows how
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
      const float* means = context->saved_data["kept"].toTensor().data_ptr<float>();
      if (toInput) inputGradient = emptyImages(input, input.sizes());
      weightGradient = at::empty(weight.sizes(), weight.options());
      biasGradient = at::empty(weight.sizes(), weight.options());
      normaliseGradients(pixels, input.data_ptr<float>(), means, means + pixels.channels, weight.data_ptr<float>(),
                         gradient.data_ptr<float>(), toInput ? inputGradient.data_ptr<float>() : nullptr,
                         weightGradient.data_ptr<float>(), biasGradient.data_ptr<float>());
    }
    return {inputGradient, weightGradient, biasGradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/** By the moving statistics, where no gradients are wanted. */
at::Tensor evaluated(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                     const at::Tensor& movingMean, const at::Tensor& movingVariance, double epsilon) {
  const Pixels pixels = pixelsOf(input);
  at::Tensor result = emptyImages(input, input.sizes());
  std::vector<float> means(pixels.channels), inverses(pixels.channels), factors(pixels.channels);
  statistics(pixels.channels, movingMean.data_ptr<float>(), movingVariance.data_ptr<float>(), epsilon,
             weight.data_ptr<float>(), means.data(), inverses.data(), factors.data());
  normalise(pixels, input.data_ptr<float>(), means.data(), factors.data(), bias.data_ptr<float>(),
            result.data_ptr<float>());
  return result;
}

bool isParameter(const at::Tensor& tensor, int64_t channels) {
  return tensor.defined() && tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat && tensor.dim() == 1 &&
         tensor.size(0) == channels && tensor.is_contiguous();
}

at::Tensor batchNorm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                     const at::Tensor& movingMean, const at::Tensor& movingVariance, bool training, double momentum,
                     double epsilon) {
  bool ours = !kernelsOff() && suits(input) && input.numel() > 0 && pixelsOf(input).count > 1;
  for (const at::Tensor* each : {&weight, &bias, &movingMean, &movingVariance})
    ours = ours && isParameter(*each, input.size(1));
  if (ours && training) return BatchNorm::apply(input, weight, bias, movingMean, movingVariance, momentum, epsilon);
  const bool recorded =
      at::GradMode::is_enabled() && (input.requires_grad() || weight.requires_grad() || bias.requires_grad());
  if (ours && !recorded) return evaluated(input, weight, bias, movingMean, movingVariance, epsilon);
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
