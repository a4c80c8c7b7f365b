// nasnet::unit for autograd and the generic call: [normalise, ReLU], depthwise convolution or none, convolution, batch
// norm or none. With a batch norm the result is raw, together with its norm, which the next operator applies on load:
// another unit, or nasnet::combine.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <tuple>

#include "depthwise.h"
#include "fan-out.h"
#include "images.h"
#include "kept-weights.h"
#include "norms.h"
#include "unit.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;
using Optional = c10::optional<at::Tensor>;  // absent: autograd takes no undefined tensors

/** The arguments of nasnet::unit, with the names of its schema. */
struct UnitArguments {
  const at::Tensor& input;
  const Optional &inputNorm, &depthwise;
  const at::Tensor& weight;
  const Optional &scale, &shift, &movingMean, &movingVariance;
  at::IntArrayRef stride, padding, dilation;
  bool relu, training;
  double momentum, epsilon;
  bool bf16;
};

using RawAndNorm = std::tuple<at::Tensor, at::Tensor>;

/** Adapts an implementation to the dispatcher, with a parameter for each argument. */
template <RawAndNorm (*implementation)(const UnitArguments&)>
RawAndNorm dispatched(const at::Tensor& input, const Optional& inputNorm, const Optional& depthwise,
                      const at::Tensor& weight, const Optional& scale, const Optional& shift,
                      const Optional& movingMean, const Optional& movingVariance, at::IntArrayRef stride,
                      at::IntArrayRef padding, at::IntArrayRef dilation, bool relu, bool training, double momentum,
                      double epsilon, bool bf16) {
  return implementation({input, inputNorm, depthwise, weight, scale, shift, movingMean, movingVariance, stride, padding,
                         dilation, relu, training, momentum, epsilon, bf16});
}

Weight weightOf(const at::Tensor& weight) {
  return {weight.data_ptr<float>(), {weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)}};
}

/** The tensors of a unit, checked and in the layout of the loops; absent ones are undefined. */
struct Layer {
  at::Tensor images, inputNorm, depthwise, weight;
  Window window;
  bool relu, bf16;

  Unit unit() const { return {window, kind(), weight.size(0), bf16 ? Numbers::bf16 : Numbers::float32}; }
  Source source() const { return {storedIn(images), pitchOf(images), floatsOf(inputNorm), relu}; }

 private:
  Unit::Kind kind() const {
    if (depthwise.defined()) return Unit::depthwise;
    return weight.size(2) == 1 && weight.size(3) == 1 ? Unit::pointwise : Unit::dense;
  }
};

/** Returns the raw result and its norm. keep: whether to cache the packed weights for the next forward. */
RawAndNorm unitResult(const Layer& layer, const Norms& norms, bool keep) {
  const Unit unit = layer.unit();
  const Window& window = unit.window;
  at::Tensor raw = at::empty({window.images, unit.outputs, window.rows.result, window.columns.result},
                             layer.images.options()
                                 .dtype(layer.bf16 ? at::kBFloat16 : at::kFloat)
                                 .memory_format(at::MemoryFormat::ChannelsLast));
  const auto weights = packed(unit, layer.depthwise, layer.weight, weightOf(layer.weight), keep);
  const Moments batch = unitForward(unit, layer.source(), *weights, norms.any() && norms.training, roomOf(raw));
  const int64_t pixels = window.images * unit.resultPixels();
  return {raw, norms.any() ? normOf(norms, batch, pixels) : at::empty({4, 0}, at::kFloat)};
}

struct FusedUnit : torch::autograd::Function<FusedUnit> {
  /** The tensors are those of the layer and the norms; they are separate arguments for autograd. */
  static variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& images,
                               const Optional& /* inputNorm */, const Optional& /* depthwise */,
                               const at::Tensor& weight, const Optional& /* scale */, const Optional& /* shift */,
                               const Layer& layer, const Norms& norms) {
    const auto [raw, norm] = unitResult(layer, norms, false);
    const at::Tensor& depthwise = layer.depthwise;
    context->save_for_backward({images, layer.inputNorm, depthwise, weight, norms.any() ? raw : at::Tensor(), norm});
    if (!layer.inputNorm.defined()) context->saved_data["shared"] = sharedBy(images);
    context->saved_data["window"] = numbersOf(layer.window);
    context->saved_data["relu"] = layer.relu;
    context->saved_data["bf16"] = layer.bf16;
    context->saved_data["toInput"] = images.requires_grad();
    context->saved_data["toDepthwise"] = depthwise.defined() && depthwise.requires_grad();
    context->saved_data["toWeight"] = weight.requires_grad();
    context->set_materialize_grads(false);
    if (!norms.any()) context->mark_non_differentiable({norm});
    return {raw, norm};
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "nasnet::unit: ", noSecondGradient);
    const variable_list saved = context->get_saved_variables();
    const auto asked = [&](const char* name) { return context->saved_data[name].toBool(); };
    const Layer layer{
        saved[0],      saved[1],     saved[2], saved[3], windowOfNumbers(context->saved_data["window"].toIntVector()),
        asked("relu"), asked("bf16")};
    const at::Tensor &raw = saved[4], &norm = saved[5];
    const bool normed = raw.defined();
    TORCH_CHECK(outer[0].defined() && (!normed || outer[1].defined()),
                "nasnet::unit: its raw result is read by nasnet::unit and nasnet::combine only");
    const at::Tensor gradient = pitched(outer[0]), sums = normed ? outer[1].contiguous() : at::Tensor();
    SharedGradient toInput;
    at::Tensor toNorm, toDepthwise, toWeight, toScale, toShift;
    if (asked("toInput")) {
      toInput = SharedGradient(layer.inputNorm.defined() ? c10::IValue() : context->saved_data["shared"], layer.images,
                               layer.images.sizes());
      if (layer.inputNorm.defined()) toNorm = at::empty({4, layer.inputNorm.size(1)}, layer.inputNorm.options());
    }
    if (asked("toDepthwise")) toDepthwise = at::empty(layer.depthwise.sizes(), layer.depthwise.options());
    if (asked("toWeight")) toWeight = at::empty_like(layer.weight);
    if (normed) {
      toScale = sums.select(0, 0).clone();
      toShift = sums.select(0, 1).clone();
    }
    const auto pointer = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<float>() : nullptr; };
    unitBackward(
        layer.unit(), layer.source(), floatsOf(layer.depthwise), weightOf(layer.weight),
        {storedIn(raw), normed ? floatsOf(norm) : nullptr, storedIn(gradient), pitchOf(gradient), floatsOf(sums)},
        {roomOf(toInput.images()), toInput.adds(), pointer(toNorm), pointer(toDepthwise), pointer(toWeight)});
    return {toInput.result(), toNorm, toDepthwise, toWeight, toScale, toShift, at::Tensor(), at::Tensor()};
  }
};

void checkVector(const Optional& tensor, int64_t channels, const char* name) {
  TORCH_CHECK(tensor.has_value() && isVector(*tensor, channels), name, ": expected float32 [", channels, "]");
}

/** Returns the norm of images that are already normalised. */
at::Tensor identityNorm(const at::Tensor& like, int64_t channels) {
  at::Tensor rows = at::zeros({4, channels}, like.options().requires_grad(false));
  rows.select(0, 1).fill_(1);
  rows.select(0, 3).fill_(1);
  return rows;
}

at::Tensor roundedIf(bool bf16, const at::Tensor& tensor) {
  return bf16 ? tensor.to(at::kBFloat16).to(tensor.scalar_type()) : tensor;
}

/** The same with libtorch's operators for any dtype and device; its result is already normalised. */
RawAndNorm composedUnit(const UnitArguments& given) {
  const at::Tensor matrix = roundedIf(given.bf16, given.weight);
  const at::Tensor images = given.bf16 ? given.input.to(given.weight.scalar_type()) : given.input;
  at::Tensor value = given.inputNorm.has_value() ? normalised(images, *given.inputNorm) : images;
  if (given.relu) value = value.relu();
  TORCH_CHECK(given.padding.size() == 4, "padding: expected four numbers");
  const std::vector<int64_t> around{0, 0};
  value = at::constant_pad_nd(value, {given.padding[2], given.padding[3], given.padding[0], given.padding[1]});
  if (given.depthwise.has_value()) {
    value = at::conv2d(value, *given.depthwise, {}, given.stride, around, given.dilation, given.depthwise->size(0));
    value = at::conv2d(roundedIf(given.bf16, value), matrix);
  } else {
    value = at::conv2d(roundedIf(given.bf16, value), matrix, {}, given.stride, around, given.dilation);
  }
  if (given.scale.has_value()) {
    value = at::batch_norm(value, given.scale, given.shift, given.movingMean, given.movingVariance, given.training,
                           given.momentum, given.epsilon, false);
  }
  return {given.bf16 ? value.to(at::kBFloat16) : value,
          identityNorm(value, given.scale.has_value() ? given.weight.size(0) : 0)};
}

/** Returns the kernel of the convolution with a window: [vertical, horizontal]. */
at::IntArrayRef checkedKernel(const UnitArguments& given) {
  const int64_t channels = given.input.size(1);
  TORCH_CHECK(isFloats(given.weight) && given.weight.dim() == 4 && given.weight.size(1) == channels,
              "weight: expected float32 [outputs, ", channels, ", height, width], got ", given.weight.sizes());
  const at::IntArrayRef kernel = given.weight.sizes().slice(2);
  if (!given.depthwise.has_value()) return kernel;
  const at::Tensor& filter = *given.depthwise;
  TORCH_CHECK(isFloats(filter) && filter.dim() == 4 && filter.size(0) == channels && filter.size(1) == 1,
              "depthwise: expected float32 [", channels, ", 1, height, width], got ", filter.sizes());
  TORCH_CHECK(kernel[0] == 1 && kernel[1] == 1,
              "weight: expected [outputs, channels, 1, 1] after a depthwise convolution, got ", given.weight.sizes());
  return filter.sizes().slice(2);
}

Layer checkedLayer(const UnitArguments& given) {
  checkImages(given.input);
  const at::IntArrayRef kernel = checkedKernel(given);
  at::Tensor images = given.input;
  if (given.inputNorm.has_value()) {
    checkNorm(*given.inputNorm, given.input.size(1));
    TORCH_CHECK(given.relu, "relu: a raw input goes through one");
    images = dense(images);
  } else {
    images = pitched(images);
  }
  const Window window = windowOf(images, kernel, given.stride, given.padding, given.dilation);
  TORCH_CHECK(!given.depthwise.has_value() || covers(window), "expected a kernel up to 7, strides up to 2");
  return {images,
          given.inputNorm.value_or(at::Tensor()),
          given.depthwise.has_value() ? given.depthwise->contiguous() : at::Tensor(),
          given.weight,
          window,
          given.relu,
          given.bf16};
}

Norms checkedNorms(const UnitArguments& given, const Window& window) {
  if (!given.scale.has_value()) return {};
  const int64_t outputs = given.weight.size(0);
  checkVector(given.scale, outputs, "scale");
  checkVector(given.shift, outputs, "shift");
  checkVector(given.movingMean, outputs, "moving_mean");
  checkVector(given.movingVariance, outputs, "moving_variance");
  TORCH_CHECK(!given.training || window.images * window.rows.result * window.columns.result > 1,
              "expected more than one pixel per channel in training, got images ", given.input.sizes());
  return {*given.scale,   *given.shift,   *given.movingMean, *given.movingVariance,
          given.training, given.momentum, given.epsilon};
}

RawAndNorm fusedUnit(const UnitArguments& given) {
  const bool recorded = at::GradMode::is_enabled() && (given.input.requires_grad() || given.weight.requires_grad() ||
                                                       (given.scale.has_value() && given.scale->requires_grad()));
  const bool ours = isFloats(given.input) || (given.bf16 && isStored(given.input));
  if (!ours || (recorded && !given.training)) return composedUnit(given);
  const Layer layer = checkedLayer(given);
  const Norms norms = checkedNorms(given, layer.window);
  if (!at::GradMode::is_enabled()) return unitResult(layer, norms, true);  // autograd saves nothing
  const Optional filter = given.depthwise.has_value() ? Optional(layer.depthwise) : Optional();
  const variable_list made =
      FusedUnit::apply(layer.images, given.inputNorm, filter, layer.weight, given.scale, given.shift, layer, norms);
  return {made[0], made[1]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "unit(Tensor input, Tensor? input_norm, Tensor? depthwise, Tensor weight, Tensor? scale, Tensor? shift, "
      "Tensor? moving_mean, Tensor? moving_variance, int[2] stride, int[4] padding, int[2] dilation, bool relu, "
      "bool training, float momentum, float epsilon, bool bf16=False) -> (Tensor raw, Tensor norm)");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("unit", dispatched<composedUnit>); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("unit", dispatched<fusedUnit>); }

}  // namespace nasnet::kernels
