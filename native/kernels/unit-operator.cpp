// nasnet::unit for autograd and the generic call: [normalise, ReLU], depthwise convolution or none, convolution, batch
// norm or none. With a batch norm the result stays raw, with the norm that whoever reads it applies on load: another
// unit, or nasnet::combine.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <tuple>

#include "depthwise.h"
#include "images.h"
#include "kept-weights.h"
#include "unit.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;
using Optional = c10::optional<at::Tensor>;  // absent: autograd takes no undefined tensors

struct Norms {  // of the result; all four tensors or none
  Optional scale, shift, movingMean, movingVariance;
  bool training;
  double momentum, epsilon;
};

Unit unitOf(const std::vector<int64_t>& window, const at::Tensor& depthwise, const at::Tensor& weight, bool bf16) {
  const bool one = weight.size(2) == 1 && weight.size(3) == 1;
  return {windowOfNumbers(window),
          depthwise.defined() ? Unit::depthwise
          : one               ? Unit::pointwise
                              : Unit::dense,
          weight.size(0), bf16 ? Numbers::bf16 : Numbers::float32};
}

Weight weightOf(const at::Tensor& weight) {
  return {weight.data_ptr<float>(), {weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)}};
}

/** [4, channels]: mean, scale / deviation, shift, 1 / deviation; the moving statistics move in training. */
at::Tensor normOf(const Norms& norms, const Moments& batch, int64_t pixels) {
  const int64_t channels = norms.scale->size(0);
  at::Tensor rows = at::empty({4, channels}, at::kFloat);
  const float *scale = norms.scale->data_ptr<float>(), *shift = norms.shift->data_ptr<float>();
  float *movingMean = norms.movingMean->data_ptr<float>(), *movingVariance = norms.movingVariance->data_ptr<float>();
  float* to = rows.data_ptr<float>();
  const double unbiased = static_cast<double>(pixels) / static_cast<double>(pixels - 1);
  for (int64_t channel = 0; channel < channels; ++channel) {
    const double mean = norms.training ? batch.mean[channel] : movingMean[channel];
    const double variance = norms.training ? batch.variance[channel] : movingVariance[channel];
    const double inverse = 1 / std::sqrt(variance + norms.epsilon);
    to[channel] = static_cast<float>(mean);
    to[channels + channel] = static_cast<float>(inverse * scale[channel]);
    to[2 * channels + channel] = shift[channel];
    to[3 * channels + channel] = static_cast<float>(inverse);
    if (!norms.training) continue;
    const auto moved = [&](float old, double fresh) {
      return static_cast<float>((1 - norms.momentum) * old + norms.momentum * fresh);
    };
    movingMean[channel] = moved(movingMean[channel], mean);
    movingVariance[channel] = moved(movingVariance[channel], variance * unbiased);
  }
  return rows;
}

/** The raw result and its norm. keep: the packed weights, for the next forward. */
std::pair<at::Tensor, at::Tensor> unitResult(const Unit& unit, const at::Tensor& input, const at::Tensor& norm,
                                             const at::Tensor& depthwise, const at::Tensor& weight, const Norms& norms,
                                             bool relu, bool keep) {
  const Window& window = unit.window;
  const bool normed = norms.scale.has_value();
  at::Tensor raw = at::empty({window.images, unit.outputs, window.rows.result, window.columns.result},
                             input.options()
                                 .dtype(unit.numbers == Numbers::bf16 ? at::kBFloat16 : at::kFloat)
                                 .memory_format(at::MemoryFormat::ChannelsLast));
  const Source source{storedIn(input), pitchOf(input), floatsOf(norm), relu};
  const Moments batch = unitForward(unit, source, *packed(unit, depthwise, weight, weightOf(weight), keep),
                                    normed && norms.training, roomOf(raw));
  return {raw, normed ? normOf(norms, batch, window.images * unit.resultPixels()) : at::empty({4, 0}, at::kFloat)};
}

struct FusedUnit : torch::autograd::Function<FusedUnit> {
  /** scale and shift are the norms' own: named here for autograd. */
  static variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                               const Optional& inputNorm, const Optional& filter, const at::Tensor& weight,
                               const Optional& /* scale */, const Optional& /* shift */, const Norms& norms,
                               const std::vector<int64_t>& numbers, bool relu, bool bf16) {
    const at::Tensor norm = inputNorm.value_or(at::Tensor()), depthwise = filter.value_or(at::Tensor());
    const bool normed = norms.scale.has_value();
    const auto [raw, own] =
        unitResult(unitOf(numbers, depthwise, weight, bf16), input, norm, depthwise, weight, norms, relu, false);
    context->save_for_backward({input, norm, depthwise, weight, normed ? raw : at::Tensor(), own});
    context->saved_data["window"] = numbers;
    context->saved_data["relu"] = relu;
    context->saved_data["bf16"] = bf16;
    context->saved_data["toInput"] = input.requires_grad();
    context->saved_data["toDepthwise"] = depthwise.defined() && depthwise.requires_grad();
    context->saved_data["toWeight"] = weight.requires_grad();
    context->set_materialize_grads(false);
    if (!normed) context->mark_non_differentiable({own});
    return {raw, own};
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "nasnet::unit: ", noSecondGradient);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &norm = saved[1], &depthwise = saved[2], &weight = saved[3], &raw = saved[4],
                     &own = saved[5];
    const bool normed = raw.defined();
    TORCH_CHECK(outer[0].defined() && (!normed || outer[1].defined()),
                "nasnet::unit: its raw result is read by nasnet::unit and nasnet::combine only");
    const Unit unit =
        unitOf(context->saved_data["window"].toIntVector(), depthwise, weight, context->saved_data["bf16"].toBool());
    const Source source{storedIn(input), pitchOf(input), floatsOf(norm), context->saved_data["relu"].toBool()};
    const at::Tensor gradient = pitched(outer[0]), sums = normed ? outer[1].contiguous() : at::Tensor();
    at::Tensor toInput, toNorm, toDepthwise, toWeight, toScale, toShift;
    if (context->saved_data["toInput"].toBool()) {
      toInput = emptyImages(input, input.sizes());
      if (norm.defined()) toNorm = at::empty({4, norm.size(1)}, norm.options());
    }
    if (context->saved_data["toDepthwise"].toBool()) toDepthwise = at::empty(depthwise.sizes(), depthwise.options());
    if (context->saved_data["toWeight"].toBool()) toWeight = at::empty_like(weight);
    if (normed) {
      toScale = sums.select(0, 0).clone();
      toShift = sums.select(0, 1).clone();
    }
    const auto pointer = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<float>() : nullptr; };
    unitBackward(
        unit, source, floatsOf(depthwise), weightOf(weight),
        {storedIn(raw), normed ? floatsOf(own) : nullptr, storedIn(gradient), pitchOf(gradient), floatsOf(sums)},
        {roomOf(toInput), pointer(toNorm), pointer(toDepthwise), pointer(toWeight)});
    return {toInput, toNorm,       toDepthwise,  toWeight,     toScale,
            toShift, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

void checkVector(const Optional& tensor, int64_t channels, const char* name) {
  TORCH_CHECK(tensor.has_value() && isFloats(*tensor) && tensor->dim() == 1 && tensor->size(0) == channels &&
                  tensor->is_contiguous(),
              name, ": expected float32 [", channels, "]");
}

/** The norm of images that are normalised already. */
at::Tensor identityNorm(const at::Tensor& like, int64_t channels) {
  at::Tensor rows = at::zeros({4, channels}, like.options().requires_grad(false));
  rows.select(0, 1).fill_(1);
  rows.select(0, 3).fill_(1);
  return rows;
}

at::Tensor roundedIf(bool bf16, const at::Tensor& tensor) {
  return bf16 ? tensor.to(at::kBFloat16).to(tensor.scalar_type()) : tensor;
}

/** The same of libtorch's operators for any dtype and device; its result is normalised already. */
std::tuple<at::Tensor, at::Tensor> composedUnit(const at::Tensor& input, const Optional& inputNorm,
                                                const Optional& depthwise, const at::Tensor& weight,
                                                const Optional& scale, const Optional& shift,
                                                const Optional& movingMean, const Optional& movingVariance,
                                                at::IntArrayRef stride, at::IntArrayRef padding,
                                                at::IntArrayRef dilation, bool relu, bool training, double momentum,
                                                double epsilon, bool bf16) {
  const at::Tensor matrix = roundedIf(bf16, weight);
  const at::Tensor images = bf16 ? input.to(weight.scalar_type()) : input;
  at::Tensor value = inputNorm.has_value() ? normalised(images, *inputNorm) : images;
  if (relu) value = value.relu();
  TORCH_CHECK(padding.size() == 4, "padding: expected four numbers");
  const std::vector<int64_t> around{0, 0};
  value = at::constant_pad_nd(value, {padding[2], padding[3], padding[0], padding[1]});
  if (depthwise.has_value()) {
    value = at::conv2d(value, *depthwise, {}, stride, around, dilation, depthwise->size(0));
    value = at::conv2d(roundedIf(bf16, value), matrix);
  } else {
    value = at::conv2d(roundedIf(bf16, value), matrix, {}, stride, around, dilation);
  }
  if (scale.has_value())
    value = at::batch_norm(value, scale, shift, movingMean, movingVariance, training, momentum, epsilon, false);
  return {bf16 ? value.to(at::kBFloat16) : value, identityNorm(value, scale.has_value() ? weight.size(0) : 0)};
}

std::tuple<at::Tensor, at::Tensor> unitOperator(const at::Tensor& input, const Optional& inputNorm,
                                                const Optional& depthwise, const at::Tensor& weight,
                                                const Optional& scale, const Optional& shift,
                                                const Optional& movingMean, const Optional& movingVariance,
                                                at::IntArrayRef stride, at::IntArrayRef padding,
                                                at::IntArrayRef dilation, bool relu, bool training, double momentum,
                                                double epsilon, bool bf16) {
  const bool recorded = at::GradMode::is_enabled() && (input.requires_grad() || weight.requires_grad() ||
                                                       (scale.has_value() && scale->requires_grad()));
  if (!(isFloats(input) || (bf16 && isStored(input))) || (recorded && !training)) {
    return composedUnit(input, inputNorm, depthwise, weight, scale, shift, movingMean, movingVariance, stride, padding,
                        dilation, relu, training, momentum, epsilon, bf16);
  }
  checkImages(input);
  const int64_t channels = input.size(1);
  TORCH_CHECK(isFloats(weight) && weight.dim() == 4 && weight.size(1) == channels,
              "weight: expected float32 [outputs, ", channels, ", height, width], got ", weight.sizes());
  std::vector<int64_t> kernel = weight.sizes().slice(2).vec();
  Optional filter;
  if (depthwise.has_value()) {
    TORCH_CHECK(
        isFloats(*depthwise) && depthwise->dim() == 4 && depthwise->size(0) == channels && depthwise->size(1) == 1,
        "depthwise: expected float32 [", channels, ", 1, height, width], got ", depthwise->sizes());
    TORCH_CHECK(kernel[0] == 1 && kernel[1] == 1,
                "weight: expected [outputs, channels, 1, 1] after a depthwise convolution, got ", weight.sizes());
    kernel = depthwise->sizes().slice(2).vec();
    filter = depthwise->contiguous();
  }
  if (scale.has_value()) {
    const int64_t outputs = weight.size(0);
    checkVector(scale, outputs, "scale");
    checkVector(shift, outputs, "shift");
    checkVector(movingMean, outputs, "moving_mean");
    checkVector(movingVariance, outputs, "moving_variance");
  }
  at::Tensor images = input;
  if (inputNorm.has_value()) {
    checkNorm(*inputNorm, channels);
    TORCH_CHECK(relu, "relu: a raw input goes through one");
    images = dense(images);
  } else {
    images = pitched(images);
  }
  const Window window = windowOf(images, kernel, stride, padding, dilation);
  TORCH_CHECK(!filter.has_value() || covers(window), "expected a kernel up to 7, strides up to 2");
  TORCH_CHECK(!training || !scale.has_value() || window.images * window.rows.result * window.columns.result > 1,
              "expected more than one pixel per channel in training, got images ", input.sizes());
  const Norms norms{scale, shift, movingMean, movingVariance, training, momentum, epsilon};
  if (!at::GradMode::is_enabled()) {  // nothing for autograd to keep
    const at::Tensor norm = inputNorm.value_or(at::Tensor()), kernels = filter.value_or(at::Tensor());
    return unitResult(unitOf(numbersOf(window), kernels, weight, bf16), images, norm, kernels, weight, norms, relu,
                      true);
  }
  const variable_list made =
      FusedUnit::apply(images, inputNorm, filter, weight, scale, shift, norms, numbersOf(window), relu, bf16);
  return {made[0], made[1]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "unit(Tensor input, Tensor? input_norm, Tensor? depthwise, Tensor weight, Tensor? scale, Tensor? shift, Tensor? "
      "moving_mean, "
      "Tensor? moving_variance, int[2] stride, int[4] padding, int[2] dilation, bool relu, bool training, float "
      "momentum, float epsilon, bool bf16=False) "
      "-> (Tensor raw, Tensor norm)");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("unit", composedUnit); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("unit", unitOperator); }

}  // namespace nasnet::kernels
