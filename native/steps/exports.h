// Exported functions of exports.cpp: a training step in one call (program.h).
#pragma once

#include "guard.h"

namespace nasnet {

/**
 * observeStep(Int32Array of inputs, Int32Array of constants, number of another program of this training or undefined):
 * observes every operator from now on. Inputs differ from step to step; constants are all other tensors that operators
 * read, the same in each step.
 */
napi_value observeStep(Call& call);

/**
 * createStep(loss or undefined, Int32Array of outputs) → number of the program of what was observed; −1 if there can be
 * none, or without a loss. Ends the observation.
 */
napi_value createStep(Call& call);

/**
 * runStep(number, Int32Array of inputs) → Int32Array of outputs, undefined for inputs of other shapes or layouts;
 * releaseStep(number)
 */
napi_value runStep(Call& call);
napi_value releaseStep(Call& call);

}  // namespace nasnet
