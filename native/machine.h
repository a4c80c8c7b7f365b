// Exported functions of machine.cpp.
#pragma once

#include "guard.h"

namespace nasnet {

/** setThreads(count);  threads() → number used inside one operator */
napi_value setThreads(Call& call);
napi_value threads(Call& call);

/** devices() → ['cpu', 'cuda:0', …];  synchronize(): waits for the accelerator */
napi_value devices(Call& call);
napi_value synchronize(Call& call);

/**
 * version() → libtorch's version that this addon was compiled against;  configuration() → libtorch's own description
 */
napi_value version(Call& call);
napi_value configuration(Call& call);

/** kernelVersion() → the instruction set of our kernels: 'avx512bf16', 'avx512', 'avx2', 'plain'; 'off' without them */
napi_value kernelVersion(Call& call);

/** Keeps large freed buffers in this process instead of giving them back to the system at every operator. */
void keepLargeBuffers();

/**
 * Asks the system for pages of 2 MiB where the heap has grown since the last call: streams over large buffers then wait
 * for fewer addresses to be translated. Takes less than a microsecond where nothing has grown.
 */
void useLargePages();

}  // namespace nasnet
