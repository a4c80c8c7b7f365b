// Exported functions of autograd.cpp.
#pragma once

#include "guard.h"

namespace nasnet {

/** backward(handle, gradientHandle | undefined, retainGraph) */
napi_value backward(Call& call);

/**
 * gradient(Int32Array outputs, Int32Array inputs, Int32Array outputGradients, createGraph) → Int32Array, 0 where unused
 */
napi_value gradient(Call& call);

/** gradients(Int32Array) → Int32Array of handles of their .grad, 0 where there is none */
napi_value gradients(Call& call);

/** setGradient(handle, handle | undefined) */
napi_value setGradient(Call& call);

/** clearGradients(Int32Array, or number of a list) */
napi_value clearGradients(Call& call);

/** requiresGradient(handle) → boolean;  setRequiresGradient(handle, boolean) */
napi_value requiresGradient(Call& call);
napi_value setRequiresGradient(Call& call);

/** setGradientMode(boolean) → the previous mode */
napi_value setGradientMode(Call& call);

}  // namespace nasnet
