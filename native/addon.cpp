// The functions that this addon exports to JavaScript. src/engine/addon.ts has their types.
#include <node_api.h>

#include "autograd.h"
#include "cuda.h"
#include "guard.h"
#include "inference/exports.h"
#include "interruption.h"
#include "machine.h"
#include "operators.h"
#include "pictures/pictures.h"
#include "random.h"
#include "replicas/exports.h"
#include "steps/exports.h"
#include "tensors.h"

namespace nasnet {

namespace {

struct Export {
  const char* name;
  napi_callback callback;
};

constexpr Export exports[] = {
    {"kinds", guard<kinds>},
    {"schema", guard<schema>},
    {"call", guard<callOperator>},
    {"fromBytes", guard<fromBytes>},
    {"toBytes", guard<toBytes>},
    {"mapFile", guard<mapFile>},
    {"shape", guard<shape>},
    {"strides", guard<strides>},
    {"dtype", guard<dtype>},
    {"device", guard<device>},
    {"release", guard<release>},
    {"leaveToCollector", guard<leaveToCollector>},
    {"createList", guard<createList>},
    {"releaseList", guard<releaseList>},
    {"liveTensors", guard<liveTensors>},
    {"backward", guard<backward>},
    {"gradient", guard<gradient>},
    {"gradients", guard<gradients>},
    {"setGradient", guard<setGradient>},
    {"clearGradients", guard<clearGradients>},
    {"requiresGradient", guard<requiresGradient>},
    {"setRequiresGradient", guard<setRequiresGradient>},
    {"setGradientMode", guard<setGradientMode>},
    {"manualSeed", guard<manualSeed>},
    {"createGenerator", guard<createGenerator>},
    {"releaseGenerator", guard<releaseGenerator>},
    {"generatorState", guard<generatorState>},
    {"setGeneratorState", guard<setGeneratorState>},
    {"setThreads", guard<setThreads>},
    {"threads", guard<threads>},
    {"devices", guard<devices>},
    {"synchronize", guard<synchronize>},
    {"version", guard<version>},
    {"configuration", guard<configuration>},
    {"kernelVersion", guard<kernelVersion>},
    {"groupTransports", guard<groupTransports>},
    {"listenForRing", guard<listenForRing>},
    {"openRing", guard<openRing>},
    {"sumOver", guard<sumOver>},
    {"broadcastFrom", guard<broadcastFrom>},
    {"endProcess", guard<endProcess>},
    {"endAfterSignal", endAfterSignal},
    {"leaveSignals", leaveSignals},
    {"jpegDecoderName", guard<jpegDecoderName>},
    {"showJpeg", guard<showJpeg>},
    {"showPixels", guard<showPixels>},
    {"readAhead", guard<readAhead>},
    {"createProgram", guard<createProgram>},
    {"runProgram", guard<runProgram>},
    {"releaseProgram", guard<releaseProgram>},
    {"observeStep", guard<observeStep>},
    {"createStep", guard<createStep>},
    {"runStep", guard<runStep>},
    {"releaseStep", guard<releaseStep>},
#ifdef NASNET_GLOO
    {"openStore", guard<openStore>},
    {"openGloo", guard<openGloo>},
#endif
#ifdef NASNET_NCCL
    {"ncclName", guard<ncclName>},
    {"openNccl", guard<openNccl>},
#endif
#ifdef NASNET_CUDA
    {"useStream", guard<useStream>},
    {"beginCapture", guard<beginCapture>},
    {"endCapture", guard<endCapture>},
    {"abandonGraph", guard<abandonGraph>},
    {"replayGraph", guard<replayGraph>},
    {"deviceMemory", guard<deviceMemory>},
    {"emptyCache", guard<emptyCache>},
#endif
};

napi_value start(napi_env env, napi_value target) {
  keepLargeBuffers();
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  if (napi_set_instance_data(env, new Environment, destroy, nullptr) != napi_ok) return nullptr;
  for (const auto& [name, callback] : exports) {
    napi_value function;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, const_cast<char*>(name), &function) != napi_ok)
      return nullptr;
    if (napi_set_named_property(env, target, name, function) != napi_ok) return nullptr;
  }
  return target;
}

}  // namespace

}  // namespace nasnet

NAPI_MODULE_INIT() { return nasnet::start(env, exports); }
