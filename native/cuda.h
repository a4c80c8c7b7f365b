// Exported functions of cuda.cpp; only where the addon is compiled with CUDA (NASNET_CUDA).
#pragma once

#include "guard.h"

namespace nasnet {

/**
 * useStream(device, trial): this thread's operators go to a stream of their own there, on which a graph can be
 * captured; trial: whether cuDNN tries its algorithms at every new shape and keeps the fastest
 */
napi_value useStream(Call& call);

/**
 * beginCapture() → number of a graph: what this thread's stream is asked to do from here on is noted in it, not done
 */
napi_value beginCapture(Call& call);

/** endCapture(graph): it can be replayed;  abandonGraph(graph): forgets it, captured or half captured */
napi_value endCapture(Call& call);
napi_value abandonGraph(Call& call);

/** replayGraph(graph): asks the device to do all of it again, on the same memory */
napi_value replayGraph(Call& call);

/** deviceMemory(device) → [free, total, the most that this process's tensors took] in bytes */
napi_value deviceMemory(Call& call);

/** emptyCache(): gives back memory of the device that no tensor uses, for other processes */
napi_value emptyCache(Call& call);

}  // namespace nasnet
