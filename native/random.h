// Exported functions of random.cpp.
#pragma once

#include "guard.h"

namespace nasnet {

/** manualSeed(seed): the default generators of every device */
napi_value manualSeed(Call& call);

/** createGenerator(seed) → index of a new CPU generator;  releaseGenerator(index) */
napi_value createGenerator(Call& call);
napi_value releaseGenerator(Call& call);

/** generatorState(index | device) → handle of a uint8 tensor;  setGeneratorState(index | device, handle) */
napi_value generatorState(Call& call);
napi_value setGeneratorState(Call& call);

}  // namespace nasnet
