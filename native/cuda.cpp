// Functions for NVIDIA GPUs: streams, steps captured as CUDA graphs, and the memory of a card. The file is empty unless
// the set-up found a libtorch with CUDA and CUDA's headers (NASNET_CUDA).
#ifdef NASNET_CUDA

#include "cuda.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <torch/cuda.h>

#include <memory>
#include <stdexcept>
#include <unordered_map>

namespace nasnet {

namespace {

using Graph = at::cuda::CUDAGraph;

/**
 * The graphs of this thread, like its stream. They are never destroyed: CUDA ends before static variables are
 * destroyed.
 */
std::unordered_map<int64_t, std::unique_ptr<Graph>>& graphs() {
  thread_local auto& table = *new std::unordered_map<int64_t, std::unique_ptr<Graph>>;
  return table;
}

Graph& graphOf(Call& call) {
  const auto found = graphs().find(call.integer(0));
  if (found == graphs().end()) throw std::invalid_argument("the graph was abandoned or is none of this thread's");
  return *found->second;
}

}  // namespace

napi_value useStream(Call& call) {
  const c10::Device device(call.text(0));
  if (!device.is_cuda() || device.index() < 0)
    throw std::invalid_argument("expected a device as 'cuda:0', got " + device.str());
  c10::cuda::set_device(device.index());
  c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
  at::globalContext().setBenchmarkCuDNN(call.boolean(1));
  return call.undefined();
}

napi_value beginCapture(Call& call) {
  static thread_local int64_t last = 0;
  torch::cuda::synchronize();
  // a graph has its own memory and needs that of the steps before it
  c10::cuda::CUDACachingAllocator::emptyCache();
  auto graph = std::make_unique<Graph>();
  graph->capture_begin();  // registers the device's default generator: a replay samples with the seed at its time
  graphs().emplace(++last, std::move(graph));
  return call.make(static_cast<double>(last));
}

napi_value endCapture(Call& call) {
  graphOf(call).capture_end();
  return call.undefined();
}

napi_value abandonGraph(Call& call) {
  const auto found = graphs().find(call.integer(0));
  if (found == graphs().end()) return call.undefined();
  const std::unique_ptr<Graph> graph = std::move(found->second);
  graphs().erase(found);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  if (cudaStreamIsCapturing(stream, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone) {
    try {
      graph->capture_end();
    } catch (const std::exception&) {
      // The reason was reported when the capture failed.
    }
  }
  torch::cuda::synchronize();  // a replay may still be running
  return call.undefined();
}

napi_value replayGraph(Call& call) {
  graphOf(call).replay();
  return call.undefined();
}

napi_value deviceMemory(Call& call) {
  const c10::Device device(call.text(0));
  const c10::cuda::CUDAGuard guard(device);
  size_t free = 0, total = 0;
  const cudaError_t status = cudaMemGetInfo(&free, &total);
  if (status != cudaSuccess) throw std::runtime_error(std::string("CUDA error: ") + cudaGetErrorString(status));
  const int64_t most = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index()).reserved_bytes[0].peak;
  return call.makeArray({static_cast<int64_t>(free), static_cast<int64_t>(total), most});
}

napi_value emptyCache(Call& call) {
  c10::cuda::CUDACachingAllocator::emptyCache();
  return call.undefined();
}

}  // namespace nasnet

#endif  // NASNET_CUDA
