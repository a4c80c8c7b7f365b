// JavaScript values ↔ libtorch's boxed values, by the operator's schema.
// A tensor is its handle (a number), a generator its index; engine/operator.ts has checked and unwrapped them.
#pragma once

#include <node_api.h>

#include <string>
#include <vector>

#include "schema.h"

namespace nasnet {

struct Call;

/** The boxed value for one argument; throws std::invalid_argument that names the argument and what came instead. */
c10::IValue readArgument(Call& call, napi_value value, const Argument& argument);

/**
 * A result as JavaScript: a handle, an Int32Array of handles, a number, boolean or string; undefined where it is an
 * argument.
 */
napi_value makeResult(Call& call, c10::IValue&& value, const Result& result);

/** 'aten::add.Tensor([2, 3] float32, [4] float32, 1)' of the call that is running. */
std::string describeCall(const Call& call);

std::string readText(napi_env env, napi_value value);
std::vector<int32_t> readHandles(napi_env env, napi_value value);

}  // namespace nasnet
