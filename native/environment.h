// What one JavaScript environment (the main thread or a worker thread) owns: its live tensors, the operators it has
// looked up, its random generators. JavaScript holds only small integers into these tables, so nothing it passes can
// crash the process.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "schema.h"

namespace nasnet {

/** Live tensors by handle. Handle 0 is never given out: it stands for "no tensor" and for a disposed one. */
class TensorTable {
 public:
  /** A new handle for a tensor; 0 for an undefined one. */
  int32_t add(at::Tensor tensor);

  /** The tensor of a handle; throws std::invalid_argument for one that is not live. */
  at::Tensor& at(int64_t handle);

  /** Drops the handle's reference at once. Returns the bytes V8 had been told of. */
  int64_t release(int64_t handle);

  /** Notes that garbage collection alone will free this handle. Returns the bytes to tell V8 of. */
  int64_t leaveToCollector(int64_t handle);

  int64_t live() const { return live_; }

 private:
  struct Slot {
    at::Tensor tensor;
    int64_t toldBytes = 0;
  };
  std::vector<Slot> slots_{1};
  std::vector<int32_t> free_;
  int64_t live_ = 0;
};

struct Environment {
  TensorTable tensors;
  std::deque<Operator> operators;  // a running call points to its own while others are looked up
  std::unordered_map<std::string, int32_t> operatorIds;
  std::vector<at::Generator> generators;  // index 0 is unused
  std::vector<c10::IValue> stack;         // lent to one call at a time for its arguments and results
  int64_t untoldBytes = 0;

  /** Tells V8 of native memory that its collector answers for, in steps of some megabytes. */
  void tell(napi_env env, int64_t bytes);
};

Environment& environmentOf(napi_env env);

}  // namespace nasnet
