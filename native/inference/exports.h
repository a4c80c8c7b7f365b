// Exported functions of exports.cpp: a network's inference in one call (program.h).
#pragma once

#include "guard.h"

namespace nasnet {

/** createProgram(Float64Array, Int32Array of parameters) → number of a program that keeps them */
napi_value createProgram(Call& call);

/** runProgram(number, images) → handle of the result;  releaseProgram(number) */
napi_value runProgram(Call& call);
napi_value releaseProgram(Call& call);

}  // namespace nasnet
