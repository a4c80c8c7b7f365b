// nasnet::unit for autograd and the generic call: [normalise, ReLU], depthwise convolution or none, convolution, batch
// norm or none. With a batch norm the result is raw, together with its norm, which the next operator applies on load:
// another unit, or nasnet::combine.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cstring>
#include <tuple>

#include "depthwise.h"
#include "fan-out.h"
#include "images.h"
#include "kept-weights.h"
#include "norms.h"
#include "step-node.h"
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
  return {floatsOf(weight), {weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)}};
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
  at::Tensor raw = emptyImages({window.images, unit.outputs, window.rows.result, window.columns.result},
                               layer.bf16 ? at::kBFloat16 : at::kFloat);
  const auto weights = packed(unit, layer.depthwise, layer.weight, weightOf(layer.weight), keep);
  const Moments batch = unitForward(unit, layer.source(), *weights, norms.any() && norms.training, roomOf(raw));
  const int64_t pixels = window.images * unit.resultPixels();
  return {raw, norms.any() ? normOf(norms, batch, pixels) : at::detail::empty_cpu({4, 0}, at::kFloat)};
}

/** The gradients of a unit's normalised result and of its norm. */
struct OuterGradients {
  at::Tensor raw, norm;
};

/** Which gradients to compute. sum: as SharedGradient has it, for the input; scale, shift: the norm's where known. */
struct Wanted {
  bool input, depthwise, weight;
  at::Tensor* sum;
  at::Tensor scale, shift;
};

/** Undefined ones are not wanted, or the fan-out has them. */
struct FoundGradients {
  at::Tensor input, inputNorm, depthwise, weight, scale, shift;
};

/** Returns a row of sums as the gradient of a parameter [channels], which autograd does not tell. */
at::Tensor gradientOfRow(const at::Tensor& rows, int64_t row, const at::Tensor& parameter) {
  at::Tensor copy = parameter.defined() ? emptyGradient(parameter) : at::detail::empty_cpu({rows.size(1)}, at::kFloat);
  std::copy_n(floatsOf(rows) + row * rows.size(1), rows.size(1), floatsOf(copy));
  return copy;
}

/** result: the raw result and the norm; without a batch norm both are undefined. */
FoundGradients unitGradients(const Layer& layer, const RawAndNorm& result, const OuterGradients& outer,
                             const Wanted& wanted) {
  const auto& [raw, norm] = result;
  const bool normed = raw.defined();
  TORCH_CHECK(outer.raw.defined() && (!normed || outer.norm.defined()),
              "nasnet::unit: its raw result is read by nasnet::unit and nasnet::combine only");
  const at::Tensor gradient = pitched(outer.raw), sums = normed ? outer.norm.contiguous() : at::Tensor();
  SharedGradient toInput;
  FoundGradients found;
  if (wanted.input) {
    const bool raws = layer.inputNorm.defined();
    toInput = SharedGradient(raws ? nullptr : wanted.sum, layer.images, layer.images.sizes());
    if (raws) found.inputNorm = emptyFloats({4, layer.inputNorm.size(1)});
  }
  if (wanted.depthwise) found.depthwise = emptyGradient(layer.depthwise);
  if (wanted.weight) found.weight = emptyGradient(layer.weight);
  if (normed) {
    found.scale = gradientOfRow(sums, 0, wanted.scale);
    found.shift = gradientOfRow(sums, 1, wanted.shift);
  }
  unitBackward(
      layer.unit(), layer.source(), floatsOf(layer.depthwise), weightOf(layer.weight),
      {storedIn(raw), normed ? floatsOf(norm) : nullptr, storedIn(gradient), pitchOf(gradient), floatsOf(sums)},
      {roomOf(toInput.images()), toInput.adds(), floatsOf(found.inputNorm), floatsOf(found.depthwise),
       floatsOf(found.weight)});
  found.input = toInput.result();
  return found;
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
    const Wanted wanted{asked("toInput"),
                        asked("toDepthwise"),
                        asked("toWeight"),
                        layer.inputNorm.defined() ? nullptr : sumIn(context->saved_data["shared"]),
                        {},
                        {}};
    const FoundGradients found = unitGradients(layer, {saved[4], saved[5]}, {outer[0], outer[1]}, wanted);
    return {found.input, found.inputNorm, found.depthwise, found.weight,
            found.scale, found.shift,     at::Tensor(),    at::Tensor()};
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
  TORCH_CHECK(!given.depthwise.has_value() || covers(window), "expected a kernel of 1, 2, 3, 5 or 7, strides up to 2");
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

bool isOurs(const UnitArguments& given) { return isFloats(given.input) || (given.bf16 && isStored(given.input)); }

RawAndNorm fusedUnit(const UnitArguments& given) {
  const bool recorded = at::GradMode::is_enabled() && (given.input.requires_grad() || given.weight.requires_grad() ||
                                                       (given.scale.has_value() && given.scale->requires_grad()));
  if (!isOurs(given) || (recorded && !given.training)) return composedUnit(given);
  const Layer layer = checkedLayer(given);
  const Norms norms = checkedNorms(given, layer.window);
  if (!at::GradMode::is_enabled()) return unitResult(layer, norms, true);  // autograd saves nothing
  const Optional filter = given.depthwise.has_value() ? Optional(layer.depthwise) : Optional();
  const variable_list made =
      FusedUnit::apply(layer.images, given.inputNorm, filter, layer.weight, given.scale, given.shift, layer, norms);
  return {made[0], made[1]};
}

struct UnitNode : StepNode {
  UnitNode(const ObservedCall& call, Layer checked, Norms norms)
      : layer(std::move(checked)), norms(std::move(norms)), filter(call.tensor(2)), input(call.values[0]),
        inputNorm(call.values[1]), raw(call.results[0]), norm(call.results[1]) {
    release();
  }

  void forward(StepValues& values) override {
    layer.images = values.at(input);
    layer.inputNorm = values.at(inputNorm);
    RawAndNorm made = unitResult(layer, norms, false);
    values.set(raw, std::get<0>(made));
    values.set(norm, std::get<1>(made));
    if (norms.any()) result = std::move(made);
  }

  void backward(StepValues& values) override {
    const OuterGradients outer{values.takeGradient(raw), values.takeGradient(norm)};
    if (!outer.raw.defined()) return;
    const Wanted wanted{values.hasGradient(input),
                        filter.defined() && filter.requires_grad(),
                        layer.weight.requires_grad(),
                        values.sharedSum(input),
                        norms.scale,
                        norms.shift};
    FoundGradients found = unitGradients(layer, result, outer, wanted);
    values.addGradient(input, found.input);
    values.addGradient(inputNorm, found.inputNorm);
    addToParameter(filter, std::move(found.depthwise));
    addToParameter(layer.weight, std::move(found.weight));
    addToParameter(norms.scale, std::move(found.scale));
    addToParameter(norms.shift, std::move(found.shift));
  }

  void release() override {
    layer.images.reset();
    layer.inputNorm.reset();
    result = {};
  }

  Layer layer;
  const Norms norms;
  const at::Tensor filter;
  const Value input, inputNorm, raw, norm;
  RawAndNorm result;
};

}  // namespace

std::unique_ptr<StepNode> unitNode(const ObservedCall& call) {
  const auto optional = [&](size_t index) { return call.isGiven(index) ? Optional(call.tensor(index)) : Optional(); };
  const at::Tensor input = call.tensor(0), weight = call.tensor(3);
  const Optional norm = optional(1), depthwise = optional(2), scale = optional(4), shift = optional(5),
                 mean = optional(6), variance = optional(7);
  const std::vector<int64_t> stride = call.arguments[8].toIntVector(), padding = call.arguments[9].toIntVector(),
                             dilation = call.arguments[10].toIntVector();
  const UnitArguments given{input,
                            norm,
                            depthwise,
                            weight,
                            scale,
                            shift,
                            mean,
                            variance,
                            stride,
                            padding,
                            dilation,
                            call.arguments[11].toBool(),
                            call.arguments[12].toBool(),
                            call.arguments[13].toDouble(),
                            call.arguments[14].toDouble(),
                            call.arguments[15].toBool()};
  bool parameters = !call.isConstant(0) && call.isGiven(1) != call.isConstant(1);
  for (size_t index = 2; index < 8; ++index) parameters = parameters && call.isConstant(index);
  if (!parameters || !isOurs(given) || !given.training) return nullptr;
  Layer layer = checkedLayer(given);
  const bool inPlace = layer.images.is_same(input) && (!depthwise || layer.depthwise.is_same(*depthwise));
  return inPlace ? std::make_unique<UnitNode>(call, layer, checkedNorms(given, layer.window)) : nullptr;
}

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "unit(Tensor input, Tensor? input_norm, Tensor? depthwise, Tensor weight, Tensor? scale, Tensor? shift, "
      "Tensor? moving_mean, Tensor? moving_variance, int[2] stride, int[4] padding, int[2] dilation, bool relu, "
      "bool training, float momentum, float epsilon, bool bf16=False) -> (Tensor raw, Tensor norm)");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("unit", dispatched<composedUnit>); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("unit", dispatched<fusedUnit>); }

}  // namespace nasnet::kernels
