// The groups of this process, and the operator by which their sums have gradients.
#include "replicas/exports.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "replicas/group.h"
#include "replicas/ring.h"

namespace nasnet {

namespace {

using replicas::Group;
using replicas::Membership;

class RingGroup : public Group {
 public:
  explicit RingGroup(replicas::Ring&& ring) : ring_(std::move(ring)) {}

  void sum(at::Tensor& tensor) override {
    const auto count = static_cast<size_t>(tensor.numel());
    switch (tensor.scalar_type()) {
      case at::kFloat: return ring_.sum(tensor.data_ptr<float>(), count);
      case at::kDouble: return ring_.sum(tensor.data_ptr<double>(), count);
      case at::kLong: return ring_.sum(tensor.data_ptr<int64_t>(), count);
      default: throw std::invalid_argument("expected float32, float64 or int64");
    }
  }

  void broadcast(at::Tensor& tensor, int root) override { ring_.broadcast(tensor.data_ptr(), tensor.nbytes(), root); }

 private:
  replicas::Ring ring_;
};

/** All groups of the process; they live until it ends, since libtorch's threads may still use one. */
std::deque<std::unique_ptr<Group>>& groups() {
  static auto& all = *new std::deque<std::unique_ptr<Group>>;
  return all;
}

std::mutex& groupsMutex() {
  static auto& mutex = *new std::mutex;
  return mutex;
}

Group& groupAt(int64_t number) {
  const std::lock_guard lock(groupsMutex());
  if (number < 0 || number >= static_cast<int64_t>(groups().size())) throw std::invalid_argument("no such group");
  return *groups()[static_cast<size_t>(number)];
}

/** Sums a tensor of any device and float dtype: 16 bits travel as 32, and GPU tensors through the host if they must. */
void sumAnywhere(Group& group, at::Tensor& tensor) {
  const at::ScalarType dtype = tensor.scalar_type();
  const bool isNarrow = dtype == at::kBFloat16 || dtype == at::kHalf;
  if (!isNarrow && (tensor.is_cpu() || !group.isOnHost())) return group.sum(tensor);
  const at::Device device = group.isOnHost() ? at::Device(at::kCPU) : tensor.device();
  at::Tensor sent = tensor.to(device, isNarrow ? at::kFloat : dtype);
  group.sum(sent);
  tensor.copy_(sent);
}

void broadcastAnywhere(Group& group, at::Tensor& tensor, int root) {
  if (tensor.is_cpu() || !group.isOnHost()) return group.broadcast(tensor, root);
  at::Tensor sent = tensor.cpu();
  group.broadcast(sent, root);
  tensor.copy_(sent);
}

double added(std::unique_ptr<Group> group) {
  const std::lock_guard lock(groupsMutex());
  groups().push_back(std::move(group));
  return static_cast<double>(groups().size() - 1);
}

std::optional<replicas::RingListener>& ringListener() {
  static auto& listener = *new std::optional<replicas::RingListener>;
  return listener;
}

Membership membershipOf(Call& call, size_t timeout) {
  return {static_cast<int>(call.integer(0)), static_cast<int>(call.integer(1)),
          std::chrono::milliseconds(call.integer(timeout))};
}

uint16_t portOf(Call& call, size_t index) {
  const int64_t port = call.integer(index);
  if (port < 0 || port > 65535) throw std::invalid_argument("expected a port from 0 to 65535");
  return static_cast<uint16_t>(port);
}

/** Returns a tensor that will be written to, which its version tells. */
at::Tensor& contiguousAt(Call& call, size_t index) {
  at::Tensor& tensor = call.tensor(index);
  if (!tensor.is_contiguous() || tensor.requires_grad())
    throw std::invalid_argument("expected a contiguous tensor without gradients");
  tensor.unsafeGetTensorImpl()->bump_version();
  return tensor;
}

/**
 * The sum over the members with a gradient: each member's input has the sum of the gradients of all members' results.
 */
struct SumOver : torch::autograd::Function<SumOver> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, int64_t group) {
    context->saved_data["group"] = group;
    at::Tensor result = input.detach().clone(at::MemoryFormat::Contiguous);
    sumAnywhere(groupAt(group), result);
    return result;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list outer) {
    at::Tensor gradient = outer[0].detach().clone(at::MemoryFormat::Contiguous);
    sumAnywhere(groupAt(context->saved_data["group"].toInt()), gradient);
    return {gradient, at::Tensor()};
  }
};

at::Tensor summedOver(const at::Tensor& input, int64_t group) { return SumOver::apply(input, group); }

}  // namespace

napi_value groupTransports(Call& call) {
  std::string names;
#ifdef NASNET_NCCL
  if (replicas::hasNccl()) names += "nccl,";
#endif
#ifdef NASNET_GLOO
  names += "gloo,";
#endif
  return call.make(names + "ring");
}

napi_value listenForRing(Call& call) {
  ringListener().emplace();
  return call.make(static_cast<int32_t>(ringListener()->port()));
}

napi_value openRing(Call& call) {
  const auto [rank, count, timeout] = membershipOf(call, 5);
  if (!ringListener()) throw std::invalid_argument("listenForRing comes first");
  replicas::Ring ring(rank, count, *ringListener(), call.text(2), portOf(call, 3),
                      static_cast<uint64_t>(call.integer(4)), timeout);
  ringListener().reset();
  return call.make(added(std::make_unique<RingGroup>(std::move(ring))));
}

#ifdef NASNET_GLOO
napi_value openStore(Call& call) {
  return call.make(
      static_cast<int32_t>(replicas::openStore(call.text(0), 0, std::chrono::milliseconds(call.integer(1)))));
}

napi_value openGloo(Call& call) {
  return call.make(added(replicas::openGloo(membershipOf(call, 5), {call.text(2), portOf(call, 3)}, call.text(4))));
}
#endif

#ifdef NASNET_NCCL
napi_value ncclName(Call& call) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : replicas::ncclName()) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return call.make(text);
}

napi_value openNccl(Call& call) {
  const std::string text = call.text(2);
  std::string name;
  for (size_t place = 0; place + 1 < text.size(); place += 2)
    name += static_cast<char>(std::stoi(text.substr(place, 2), nullptr, 16));
  return call.make(added(replicas::openNccl(membershipOf(call, 3), name)));
}
#endif

napi_value sumOver(Call& call) {
  sumAnywhere(groupAt(call.integer(0)), contiguousAt(call, 1));
  return call.undefined();
}

napi_value broadcastFrom(Call& call) {
  broadcastAnywhere(groupAt(call.integer(0)), contiguousAt(call, 1), static_cast<int>(call.integer(2)));
  return call.undefined();
}

napi_value endProcess(Call& call) {
  const std::string sentence = call.text(1);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, sentence.data(), sentence.size());
  _exit(static_cast<int>(call.integer(0)));
}

TORCH_LIBRARY_FRAGMENT(nasnet, library) { library.def("sum_over(Tensor input, int group) -> Tensor"); }
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("sum_over", summedOver); }

}  // namespace nasnet
