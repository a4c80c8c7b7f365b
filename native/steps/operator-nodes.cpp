// See operator-nodes.h. The gradients are those of libtorch's derivatives.yaml, in the same operators and order.
#include "operator-nodes.h"

#include <ATen/ExpandUtils.h>
#include <ATen/ScalarOps.h>

#include <tuple>

#include "kernels/combine.h"
#include "kernels/images.h"

namespace nasnet::steps {

namespace {

using kernels::addToParameter;
using kernels::none;
using kernels::StepValues;
using kernels::Value;

/** An operator with one tensor of the step. */
struct OperatorNode : StepNode {
  explicit OperatorNode(const ObservedCall& call) : input(call.values[0]), output(call.results[0]) {}

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(output);
    if (outer.defined()) values.addGradient(input, toInput(outer));
  }

  /** Returns the gradient of the input. */
  virtual at::Tensor toInput(const at::Tensor& outer) = 0;

  const Value input, output;
};

/** sum += other: libtorch's operator takes as long to begin as to add, and converts bfloat16 one by one. */
void addTo(at::Tensor& sum, const at::Tensor& other) {
  const auto isDense = [&](const at::Tensor& images) {
    return kernels::isStored(images) && images.scalar_type() == sum.scalar_type() && images.sizes() == sum.sizes() &&
           images.dim() == 4 && images.numel() > 0 && kernels::pitchOf(images) == images.size(1);
  };
  if (!isDense(sum) || !isDense(other)) {
    sum.add_(other);
    return;
  }
  const int64_t channels = sum.size(1);
  const std::vector<kernels::Slice> both{{kernels::roomOf(sum), channels, channels},
                                         {kernels::roomOf(other), channels, channels}};
  kernels::sumAll(kernels::pixelsOf(sum), both, kernels::roomOf(sum));
}

/** aten::add_ of two tensors of the step, in place. */
struct AddNode : StepNode {
  explicit AddNode(const ObservedCall& call) : left(call.values[0]), right(call.values[1]), result(call.results[0]) {}

  void forward(StepValues& values) override {
    at::Tensor sum = values.at(left);
    addTo(sum, values.at(right));
    values.set(result, sum);
  }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(result);
    values.addGradient(left, outer);
    values.addGradient(right, outer);
  }

  const Value left, right, result;
};

struct ReluNode : OperatorNode {
  ReluNode(const ObservedCall& call, bool inPlace) : OperatorNode(call), inPlace(inPlace) {}

  void forward(StepValues& values) override {
    result = values.at(input);
    if (inPlace) result.relu_();
    else result = result.relu();
    values.set(output, result);
  }

  at::Tensor toInput(const at::Tensor& outer) override { return at::threshold_backward(outer, result, 0); }

  void release() override { result.reset(); }

  const bool inPlace;
  at::Tensor result;
};

/** An operator whose result is its input. */
struct IdentityNode : OperatorNode {
  using OperatorNode::OperatorNode;

  void forward(StepValues& values) override { values.set(output, values.at(input)); }
  at::Tensor toInput(const at::Tensor& outer) override { return outer; }
};

struct FlattenNode : OperatorNode {
  explicit FlattenNode(const ObservedCall& call)
      : OperatorNode(call), first(call.arguments[1].toInt()), last(call.arguments[2].toInt()),
        sizes(call.tensor(0).sizes().vec()) {}

  void forward(StepValues& values) override { values.set(output, values.at(input).flatten(first, last)); }
  at::Tensor toInput(const at::Tensor& outer) override { return outer.reshape(sizes); }

  const int64_t first, last;
  const std::vector<int64_t> sizes;
};

/** A sum over axes that stay, of one place each. */
struct SumNode : OperatorNode {
  explicit SumNode(const ObservedCall& call)
      : OperatorNode(call), axes(call.arguments[1].toIntVector()), sizes(call.tensor(0).sizes().vec()) {}

  void forward(StepValues& values) override { values.set(output, values.at(input).sum(at::IntArrayRef(axes), true)); }
  at::Tensor toInput(const at::Tensor& outer) override { return outer.expand(sizes); }

  const std::vector<int64_t> axes, sizes;
};

struct DivideNode : OperatorNode {
  explicit DivideNode(const ObservedCall& call)
      : OperatorNode(call), divisor(call.arguments[1].toScalar()), asTensor(c10::scalar_to_tensor(divisor)) {}

  void forward(StepValues& values) override { values.set(output, at::div(values.at(input), divisor)); }
  at::Tensor toInput(const at::Tensor& outer) override { return at::div(outer, asTensor); }

  const at::Scalar divisor;
  const at::Tensor asTensor;
};

/** Rows [n, inputs] times a weight [outputs, inputs], with a bias [outputs]. */
struct LinearNode : StepNode {
  explicit LinearNode(const ObservedCall& call)
      : input(call.values[0]), output(call.results[0]), weight(call.tensor(1)), bias(call.tensor(2)) {}

  void forward(StepValues& values) override {
    rows = values.at(input);
    values.set(output, at::linear(rows, weight, bias));
  }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(output);
    if (!outer.defined()) return;
    if (bias.requires_grad()) addToParameter(bias, at::sum_to(outer, bias.sizes()));
    if (values.hasGradient(input)) values.addGradient(input, outer.mm(weight));
    if (weight.requires_grad()) addToParameter(weight, outer.t().mm(rows));
  }

  void release() override { rows.reset(); }

  const Value input, output;
  const at::Tensor weight, bias;
  at::Tensor rows;
};

/** −log softmax [n, classes] at labels that are inputs of the step. */
struct CrossEntropyNode : StepNode {
  explicit CrossEntropyNode(const ObservedCall& call)
      : logits(call.values[0]), labels(call.values[1]), output(call.results[0]), reduction(call.arguments[3].toInt()),
        ignored(call.arguments[4].toInt()), dtype(call.tensor(0).scalar_type()) {}

  void forward(StepValues& values) override {
    target = values.at(labels);
    logarithms = at::_log_softmax(values.at(logits), 1, /*half_to_float=*/false);
    at::Tensor loss;
    std::tie(loss, weight) = at::nll_loss_forward(logarithms, target, {}, reduction, ignored);
    values.set(output, loss);
  }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(output);
    if (!outer.defined()) return;
    const at::Tensor toLogarithms = at::nll_loss_backward(outer, logarithms, target, {}, reduction, ignored, weight);
    values.addGradient(logits, at::_log_softmax_backward_data(toLogarithms, logarithms, 1, dtype));
  }

  void release() override {
    for (at::Tensor* each : {&target, &logarithms, &weight}) each->reset();
  }

  const Value logits, labels, output;
  const int64_t reduction, ignored;
  const at::ScalarType dtype;
  at::Tensor target, logarithms, weight;
};

bool isFloat(const at::Tensor& tensor, int64_t axes) {
  return tensor.scalar_type() == at::kFloat && tensor.dim() == axes && tensor.device().is_cpu();
}

}  // namespace

std::unique_ptr<StepNode> addNode(const ObservedCall& call) {
  if (call.isConstant(0) || call.isConstant(1)) return nullptr;
  const at::Tensor left = call.tensor(0), right = call.tensor(1);
  const bool plain = left.sizes() == right.sizes() && left.scalar_type() == right.scalar_type() &&
                     call.arguments[2].toScalar().toDouble() == 1;
  return plain ? std::make_unique<AddNode>(call) : nullptr;
}

std::unique_ptr<StepNode> reluInPlaceNode(const ObservedCall& call) {
  return call.isConstant(0) ? nullptr : std::make_unique<ReluNode>(call, true);
}

std::unique_ptr<StepNode> reluNode(const ObservedCall& call) {
  return call.isConstant(0) ? nullptr : std::make_unique<ReluNode>(call, false);
}

std::unique_ptr<StepNode> contiguousNode(const ObservedCall& call) {
  const bool isIdentity = !call.isConstant(0) && call.tensor(0).is_contiguous(call.arguments[1].toMemoryFormat());
  return isIdentity ? std::make_unique<IdentityNode>(call) : nullptr;
}

std::unique_ptr<StepNode> dropoutNode(const ObservedCall& call) {
  const bool isIdentity = !call.isConstant(0) && (call.arguments[1].toDouble() == 0 || !call.arguments[2].toBool());
  return isIdentity ? std::make_unique<IdentityNode>(call) : nullptr;
}

std::unique_ptr<StepNode> flattenNode(const ObservedCall& call) {
  return call.isConstant(0) ? nullptr : std::make_unique<FlattenNode>(call);
}

std::unique_ptr<StepNode> sumNode(const ObservedCall& call) {
  const bool keepsAxes = call.arguments[1].isIntList() && call.arguments[2].toBool() && call.arguments[3].isNone();
  return call.isConstant(0) || !keepsAxes ? nullptr : std::make_unique<SumNode>(call);
}

std::unique_ptr<StepNode> divideNode(const ObservedCall& call) {
  return call.isConstant(0) ? nullptr : std::make_unique<DivideNode>(call);
}

std::unique_ptr<StepNode> linearNode(const ObservedCall& call) {
  const bool isOfParameters = !call.isConstant(0) && call.isConstant(1) && call.isGiven(2) && call.isConstant(2);
  if (!isOfParameters || !isFloat(call.tensor(0), 2) || !isFloat(call.tensor(2), 1)) return nullptr;
  // libtorch transposes products for rows that lie column by column.
  const bool areWhole = call.tensor(0).is_contiguous() && call.tensor(0).size(1) > 1 && call.tensor(1).is_contiguous();
  return areWhole ? std::make_unique<LinearNode>(call) : nullptr;
}

std::unique_ptr<StepNode> crossEntropyNode(const ObservedCall& call) {
  const bool isPlain = !call.isConstant(0) && !call.isConstant(1) && !call.isGiven(2) &&
                       call.arguments[5].toDouble() == 0 && isFloat(call.tensor(0), 2) && call.tensor(1).dim() == 1;
  return isPlain ? std::make_unique<CrossEntropyNode>(call) : nullptr;
}

}  // namespace nasnet::steps
