// Distributes the work on a batch among libtorch's threads.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

// The entry point of OpenMP, present if libtorch uses OpenMP: at::parallel_for is serial in code that is compiled
// without OpenMP.
extern "C" void GOMP_parallel(void (*run)(void*), void* data, unsigned threads, unsigned flags) __attribute__((weak));

namespace nasnet::kernels {

/**
 * work(part, begin, end) for as many runs of images as there are threads. The runs depend on nothing else, so sums over
 * them are the same for the same number of threads.
 */
template <typename Work>
void overImages(int64_t images, const Work& work) {
  const int64_t parts = std::min<int64_t>(at::get_num_threads(), images);
  struct Share {
    const Work& work;
    int64_t images, parts;
    std::atomic<int64_t> next{0};
    void take() {
      for (int64_t part = next++; part < parts; part = next++)
        work(part, images * part / parts, images * (part + 1) / parts);
    }
  } share{work, images, parts};
  if (parts > 1 && GOMP_parallel != nullptr && !at::in_parallel_region()) {
    GOMP_parallel([](void* data) { static_cast<Share*>(data)->take(); }, &share, static_cast<unsigned>(parts), 0);
  } else {
    share.take();
  }
}

/** The parts of a batch for work row by row: images, or slices of images if there are fewer images than threads. */
class Slices {
 public:
  struct Slice {
    int64_t image, begin, end;  // rows, or whatever an image has `rows` of
  };

  Slices(int64_t images, int64_t rows, bool whole = false)
      : images_(images), rows_(rows), each_(whole ? 1 : (at::get_num_threads() + images - 1) / images) {}

  int64_t count() const { return images_ * each_; }
  Slice operator[](int64_t index) const {
    const int64_t slice = index % each_;
    return {index / each_, rows_ * slice / each_, rows_ * (slice + 1) / each_};
  }

 private:
  int64_t images_, rows_, each_;
};

}  // namespace nasnet::kernels
