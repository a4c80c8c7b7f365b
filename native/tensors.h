// Exported functions of tensors.cpp.
#pragma once

#include "guard.h"

namespace nasnet {

/** fromBytes(typedArray, dtype, shape) → handle of a copy */
napi_value fromBytes(Call& call);

/** toBytes(handle, typedArray): copies a tensor's elements, in row-major order, into memory of exactly their size */
napi_value toBytes(Call& call);

/** mapFile(path, dtype, shape, byteOffset) → handle of a private mapping: pages are shared until written */
napi_value mapFile(Call& call);

/** shape(handle) → number[];  strides(handle) → number[];  dtype(handle), device(handle) → string */
napi_value shape(Call& call);
napi_value strides(Call& call);
napi_value dtype(Call& call);
napi_value device(Call& call);

/** release(Int32Array): releases the handles */
napi_value release(Call& call);

/** leaveToCollector(handle): reports this tensor's memory to V8's garbage collector */
napi_value leaveToCollector(Call& call);

/**
 * createList(Int32Array) → number of a list, which stands for these handles where an argument is a list of tensors;
 * the tensors live as long as it does.  releaseList(number)
 */
napi_value createList(Call& call);
napi_value releaseList(Call& call);

/** liveTensors() → number of handles not yet released */
napi_value liveTensors(Call& call);

}  // namespace nasnet
