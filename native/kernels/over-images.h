// Work on a batch, dealt out to libtorch's threads.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace nasnet::kernels {

/**
 * work(part, begin, end) for as many runs of images as there are threads. The runs depend on nothing else, so sums over them are
 * the same for the same number of threads.
 */
template <typename Work>
void overImages(int64_t images, const Work& work) {
  const int64_t parts = std::min<int64_t>(at::get_num_threads(), images);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) work(part, images * part / parts, images * (part + 1) / parts);
  });
}

}  // namespace nasnet::kernels
