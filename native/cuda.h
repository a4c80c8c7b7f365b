// Exported functions of cuda.cpp, if the addon is compiled with CUDA (NASNET_CUDA).
#pragma once

#include "guard.h"

namespace nasnet {

/**
 * useStream(device, trial): gives this thread its own stream on the device, on which a graph can be captured; trial:
 * whether cuDNN measures its algorithms for every new shape and uses the fastest
 */
napi_value useStream(Call& call);

/** beginCapture() → number of a graph, which records the work of this thread's stream from now on without doing it */
napi_value beginCapture(Call& call);

/**
 * endCapture(graph): ends the recording, so that the graph can be replayed; abandonGraph(graph): discards a graph in
 * any state
 */
napi_value endCapture(Call& call);
napi_value abandonGraph(Call& call);

/** replayGraph(graph): runs the recorded work again, on the same memory */
napi_value replayGraph(Call& call);

/** deviceMemory(device) → [free, total, peak of this process's tensors] in bytes */
napi_value deviceMemory(Call& call);

/** emptyCache(): frees memory of the device that no tensor uses, for other processes */
napi_value emptyCache(Call& call);

}  // namespace nasnet
