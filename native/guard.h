// The interface between JavaScript and C++: reads the arguments of a call and converts every C++ exception to a
// JavaScript Error.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "environment.h"

namespace nasnet {

/** Thrown when a JavaScript exception is pending. */
struct PendingException {};

/** Throws std::runtime_error, or PendingException, unless the status is ok. */
void check(napi_env env, napi_status status);

/**
 * One call from JavaScript. Readers throw std::invalid_argument that names the position when a value is of another
 * type.
 */
struct Call {
  static constexpr size_t most = 32;

  napi_env env;
  const char* name = nullptr;  // of the exported function
  Environment& environment;
  size_t count = most;
  napi_value values[most];
  const Operator* running = nullptr;  // set while an operator runs, so that its failure can be described

  Call(napi_env env, napi_callback_info info);

  bool given(size_t index) const;
  double number(size_t index) const;
  int64_t integer(size_t index) const;
  bool boolean(size_t index) const;
  std::string text(size_t index) const;
  at::Tensor& tensor(size_t index) const { return environment.tensors.at(integer(index)); }
  std::vector<int64_t> integers(size_t index) const;      // a JavaScript array
  std::vector<int32_t> handles(size_t index) const;       // an Int32Array
  std::vector<at::Tensor> tensors(size_t index) const;    // an Int32Array of handles, or a list
  std::pair<uint8_t*, size_t> bytes(size_t index) const;  // any typed array

  napi_value undefined() const;
  napi_value make(double value) const;
  napi_value make(int32_t value) const;
  napi_value make(bool value) const;
  napi_value make(const std::string& value) const;
  napi_value make(const std::vector<int32_t>& handles) const;  // an Int32Array
  napi_value makeArray(at::IntArrayRef numbers) const;
  napi_value handles(std::vector<at::Tensor>&& tensors) const;  // an Int32Array
  napi_value handle(at::Tensor tensor) const { return make(environment.tensors.add(std::move(tensor))); }
};

using Function = napi_value (*)(Call&);

/**
 * Throws the exception being handled, after the name of what was called, as a JavaScript Error with `kind`
 * 'out-of-memory' or 'operator'.
 */
void rethrow(napi_env env, const Call* call) noexcept;

template <Function function>
napi_value guard(napi_env env, napi_callback_info info) {
  const Call* running = nullptr;
  try {
    Call call(env, info);
    running = &call;
    try {
      return function(call);
    } catch (...) {
      rethrow(env, running);
      return nullptr;
    }
  } catch (...) {
    rethrow(env, nullptr);
    return nullptr;
  }
}

}  // namespace nasnet
