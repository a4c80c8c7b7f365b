// Exported functions of interruption.cpp.
#pragma once

#include <node_api.h>

namespace nasnet {

/**
 * endAfterSignal(milliseconds, sentence): from now on SIGINT or SIGTERM ends the process at most this time later, and a
 * second signal soon, with the sentence on stderr and exit code 130 or 143. JavaScript's handlers must be installed
 * before; they get the signal first.
 */
napi_value endAfterSignal(napi_env env, napi_callback_info info);

/** leaveSignals(): restores the handlers from before endAfterSignal. A process that has got a signal still ends. */
napi_value leaveSignals(napi_env env, napi_callback_info info);

}  // namespace nasnet
