// See observation.h.
#include "observation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <iterator>

#include "operator-nodes.h"

namespace nasnet::steps {

namespace {

using kernels::none;
using kernels::ObservedCall;

constexpr size_t noNode = static_cast<size_t>(-1);

struct Kind {
  const char* name;
  kernels::NodeMaker maker;
  bool alwaysNode;  // autograd would not compute it to the same bits outside the whole graph
  bool outlives;    // its result is no memory of the step's
};

constexpr Kind kinds[] = {
    {"nasnet::unit", kernels::unitNode, true, false},
    {"nasnet::batch_norm", kernels::batchNormNode, false, false},
    {"nasnet::combine", kernels::combineNode, false, false},
    {"nasnet::concat", kernels::concatNode, false, false},
    {"nasnet::fan_out", kernels::fanOutNode, true, false},
    {"nasnet::average_pool2d", kernels::averagePoolNode, false, false},
    {"nasnet::max_pool2d", kernels::maxPoolNode, false, false},
    {"aten::add_.Tensor", addNode, true, false},
    {"aten::relu_", reluInPlaceNode, true, false},
    {"aten::relu", reluNode, false, true},
    {"aten::contiguous", contiguousNode, false, false},
    {"aten::dropout", dropoutNode, false, false},
    {"aten::flatten.using_ints", flattenNode, false, false},
    {"aten::sum.dim_IntList", sumNode, false, true},
    {"aten::div.Scalar", divideNode, false, true},
    {"aten::linear", linearNode, false, true},
    {"aten::cross_entropy_loss", crossEntropyNode, false, true},
};

/** Whether it draws random numbers, which differ from step to step. */
bool isRandom(const Operator& op, const std::vector<c10::IValue>& arguments) {
  if (op.name == "aten::dropout") return arguments[1].toDouble() > 0;
  if (op.handle.hasTag(at::Tag::nondeterministic_seeded) || op.name.rfind("aten::rand", 0) == 0) return true;
  return std::any_of(op.arguments.begin(), op.arguments.end(),
                     [](const Argument& each) { return each.kind == nasnet::Kind::generator; });
}

bool writesArguments(const Operator& op) {
  const auto& arguments = op.handle.schema().arguments();
  return std::any_of(arguments.begin(), arguments.end(), [](const c10::Argument& each) {
    return each.alias_info() != nullptr && each.alias_info()->isWrite();
  });
}

std::shared_ptr<kernels::KeptGradients> gradientsOf(const std::vector<at::Tensor>& constants) {
  std::vector<at::Tensor> trained;
  std::copy_if(constants.begin(), constants.end(), std::back_inserter(trained),
               [](const at::Tensor& each) { return each.requires_grad() && each.device().is_cpu(); });
  return std::make_shared<kernels::KeptGradients>(trained);
}

}  // namespace

Observation::Observation(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& constants,
                         const Program* sibling)
    : made_(std::make_shared<Program>(sibling != nullptr ? sibling->gradients() : gradientsOf(constants))) {
  for (const at::Tensor& each : constants) constants_.insert(each.unsafeGetTensorImpl());
  for (const at::Tensor& each : inputs) {
    made_->forms_.push_back({each.sizes().vec(), each.strides().vec(), each.scalar_type()});
    newValue(each);
  }
}

Value Observation::newValue(const at::Tensor& tensor) {
  const Value value = made_->values_.add(tensor.requires_grad());
  makers_.push_back(noNode);
  const at::TensorImpl* key = tensor.unsafeGetTensorImpl();
  known_.erase(key);
  known_.emplace(
      key, Known{c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>(tensor.getIntrusivePtr()), value});
  return value;
}

/** Returns none for a constant. */
Value Observation::valueOf(const at::Tensor& tensor) {
  const at::TensorImpl* key = tensor.unsafeGetTensorImpl();
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second.value;
  // A parameter that two operators read gets the sum of two gradients, in an order of autograd's.
  const bool isFirst = !tensor.requires_grad() || trained_.insert(key).second;
  if (constants_.count(key) == 0 || !isFirst) possible_ = false;
  return none;
}

/** Returns whether a program can give an operator these arguments. */
bool Observation::reads(const std::vector<c10::IValue>& arguments, std::vector<Value>& values,
                        std::vector<Value>& listed) {
  for (const c10::IValue& each : arguments) {
    const bool isTensor = each.isTensor() && each.toTensor().defined();
    values.push_back(isTensor ? valueOf(each.toTensor()) : none);
    if (each.isTensorList()) {
      if (!listed.empty()) return false;
      for (const at::Tensor& one : each.toTensorVector()) listed.push_back(valueOf(one));
    } else if (each.isList() && !each.isIntList() && !each.isDoubleList() && !each.isBoolList()) {
      return false;
    }
  }
  return possible_;
}

void Observation::add(const Operator& op, const std::vector<c10::IValue>& arguments,
                      const std::vector<c10::IValue>& results) {
  if (!possible_) return;
  std::vector<Value> values, listed, made;
  possible_ = at::GradMode::is_enabled() && !isRandom(op, arguments) && reads(arguments, values, listed);
  for (const c10::IValue& each : results) {
    if (each.isTensor() && each.toTensor().defined()) made.push_back(newValue(each.toTensor()));
    else if (each.isTensorList())
      for (const at::Tensor& one : each.toTensorVector()) made.push_back(newValue(one));
    else possible_ = false;
  }
  if (possible_) place(op, {arguments, values, listed, made});
}

void Observation::place(const Operator& op, const ObservedCall& call) {
  const auto kind =
      std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& each) { return op.name == each.name; });
  std::unique_ptr<StepNode> node = kind == std::end(kinds) ? nullptr : kind->maker(call);
  auto& nodes = made_->nodes_;
  if (node) {
    if (op.name == "nasnet::fan_out" && call.tensor(0).scalar_type() == at::kFloat) made_->values_.share(call.results);
    nodes.push_back(std::move(node));
    reads_.emplace_back();
    islands_.push_back(nullptr);
    outlive_.push_back(kind->outlives);
  } else {
    possible_ = !(kind != std::end(kinds) && kind->alwaysNode) && !writesArguments(op);
    if (!possible_) return;
    if (islands_.empty() || islands_.back() == nullptr) {
      auto island = std::make_unique<Island>();
      islands_.push_back(island.get());
      outlive_.push_back(true);
      reads_.emplace_back();
      nodes.push_back(std::move(island));
    }
    islands_.back()->add(op.handle, call);
  }
  for (const Value value : call.results) makers_[value] = nodes.size() - 1;
  for (const std::vector<Value>* read : {&call.values, &call.listed})
    for (const Value value : *read)
      if (value != none) reads_.back().push_back(value);
}

/** Lets an island give a value to a node behind it. */
void Observation::exportFrom(Value value, size_t reader) {
  const size_t maker = makers_[value];
  if (maker != noNode && maker != reader && islands_[maker] != nullptr) islands_[maker]->exportValue(value);
}

std::shared_ptr<Program> Observation::program(const at::Tensor& loss, const std::vector<at::Tensor>& outputs) {
  if (!possible_) return nullptr;
  Program& made = *made_;
  made.loss_ = valueOf(loss);
  for (const at::Tensor& each : outputs) made.outputs_.push_back(valueOf(each));
  std::vector<Value> kept = made.outputs_;
  kept.push_back(made.loss_);
  const auto outlives = [&](Value value) {
    return value != none && makers_[value] != noNode && outlive_[makers_[value]];
  };
  if (!std::all_of(kept.begin(), kept.end(), outlives) || !made.values_.hasGradient(made.loss_)) return nullptr;
  for (const Value value : kept) exportFrom(value, noNode);
  std::vector<size_t> last(makers_.begin(), makers_.end());
  for (size_t node = 0; node < reads_.size(); ++node) {
    for (const Value value : reads_[node]) {
      exportFrom(value, node);
      last[value] = node;
    }
  }
  for (const Value value : kept) last[value] = noNode;
  made.lastReads_.resize(made.nodes_.size());
  for (size_t value = 0; value < last.size(); ++value)
    if (last[value] != noNode) made.lastReads_[last[value]].push_back(static_cast<Value>(value));
  return std::move(made_);
}

}  // namespace nasnet::steps
