// Tables of live tensors, and reports of their memory to V8; see environment.h.
#include "environment.h"

#include <stdexcept>
#include <utility>

namespace nasnet {

namespace {
constexpr int64_t reportStep = 4 << 20;  // bytes; reporting each small tensor would cost more than the tensor
}

int32_t TensorTable::add(at::Tensor tensor) {
  if (!tensor.defined()) return 0;
  ++live_;
  if (!free_.empty()) {
    const int32_t handle = free_.back();
    free_.pop_back();
    slots_[handle].tensor = std::move(tensor);
    return handle;
  }
  slots_.push_back({std::move(tensor), 0});
  return static_cast<int32_t>(slots_.size() - 1);
}

at::Tensor& TensorTable::at(int64_t handle) {
  if (handle <= 0 || handle >= static_cast<int64_t>(slots_.size()) || !slots_[handle].tensor.defined()) {
    throw std::invalid_argument("the tensor was disposed or is none of this thread's");
  }
  return slots_[handle].tensor;
}

int64_t TensorTable::release(int64_t handle) {
  if (handle <= 0 || handle >= static_cast<int64_t>(slots_.size()) || !slots_[handle].tensor.defined()) return 0;
  Slot& slot = slots_[handle];
  // The tensor is removed from the table before it is destroyed, since that may run a hook that reads the table.
  const at::Tensor dying = std::move(slot.tensor);
  slot.tensor = at::Tensor();
  free_.push_back(static_cast<int32_t>(handle));
  --live_;
  return std::exchange(slot.reportedBytes, 0);
}

int64_t TensorTable::leaveToCollector(int64_t handle) {
  const at::Tensor& tensor = at(handle);
  // A view shares the storage of its base. A storage counts once, for the handle that is its only user.
  const bool counts = slots_[handle].reportedBytes == 0 && tensor.has_storage() && tensor.storage().use_count() == 1;
  if (!counts) return 0;
  const int64_t bytes = static_cast<int64_t>(tensor.storage().nbytes());
  slots_[handle].reportedBytes = bytes;
  return bytes;
}

void Environment::report(napi_env env, int64_t bytes) {
  unreportedBytes += bytes;
  if (unreportedBytes < reportStep && unreportedBytes > -reportStep) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, unreportedBytes, &total);
  unreportedBytes = 0;
}

Environment& environmentOf(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

}  // namespace nasnet
