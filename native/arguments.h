// JavaScript values ↔ libtorch's boxed values, by the operator's schema.
// A tensor is its handle (a number), a generator its index; engine/operator.ts has checked and unwrapped them.
#pragma once

#include <node_api.h>

#include <string>
#include <vector>

#include "schema.h"

namespace nasnet {

struct Call;

/**
 * Returns the boxed value of one argument; throws std::invalid_argument with the argument and the value that it got.
 */
c10::IValue readArgument(Call& call, napi_value value, const Argument& argument);

/**
 * Converts a result to JavaScript: a handle, an Int32Array of handles, a number, boolean or string; undefined if it is
 * an argument.
 */
napi_value makeResult(Call& call, c10::IValue&& value, const Result& result);

/** Describes the running call: 'aten::add.Tensor([2, 3] float32, [4] float32, 1)'. */
std::string describeCall(const Call& call);

/** The tensors of an Int32Array of handles, or of the number of a list (tensors.h). */
c10::List<at::Tensor> readTensors(const Call& call, napi_value value);
std::string readText(napi_env env, napi_value value);
std::vector<int32_t> readHandles(napi_env env, napi_value value);

}  // namespace nasnet
