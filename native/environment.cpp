// Tables of live tensors and how V8 hears of their memory; see environment.h.
#include "environment.h"

#include <stdexcept>
#include <utility>

namespace nasnet {

namespace {
constexpr int64_t tellingStep = 4 << 20;  // bytes; telling V8 of each small tensor would cost more than the tensor
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
  // The tensor leaves the table before it dies: its death may run a hook that looks at the table.
  const at::Tensor dying = std::move(slot.tensor);
  slot.tensor = at::Tensor();
  free_.push_back(static_cast<int32_t>(handle));
  --live_;
  return std::exchange(slot.toldBytes, 0);
}

int64_t TensorTable::leaveToCollector(int64_t handle) {
  const at::Tensor& tensor = at(handle);
  // A view shares its base's storage; a storage counts once, for the handle that is there while no other shares it.
  const bool counts = slots_[handle].toldBytes == 0 && tensor.has_storage() && tensor.storage().use_count() == 1;
  if (!counts) return 0;
  const int64_t bytes = static_cast<int64_t>(tensor.storage().nbytes());
  slots_[handle].toldBytes = bytes;
  return bytes;
}

void Environment::tell(napi_env env, int64_t bytes) {
  untoldBytes += bytes;
  if (untoldBytes < tellingStep && untoldBytes > -tellingStep) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, untoldBytes, &total);
  untoldBytes = 0;
}

Environment& environmentOf(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

}  // namespace nasnet
