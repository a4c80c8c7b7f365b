// Exported functions of interruption.cpp.
#pragma once

#include <node_api.h>

namespace nasnet {

/**
 * endAfterSignal(milliseconds, sentence): from now on a SIGINT or SIGTERM ends the process so much later at the latest,
 * and a second one soon, with the sentence on stderr and exit code 130 or 143. JavaScript's own handlers, which must
 * stand before, hear the signal first.
 */
napi_value endAfterSignal(napi_env env, napi_callback_info info);

/**
 * leaveSignals(): puts back the handlers that stood before endAfterSignal. A process that was told to end still ends.
 */
napi_value leaveSignals(napi_env env, napi_callback_info info);

}  // namespace nasnet
