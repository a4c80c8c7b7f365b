// A network's inference as a list of steps that is made once and run in one call: batch norms are part of the weights,
// weights are packed, and every result lies where its readers want it, in buffers that are planned. What the steps are,
// src/engine/inference/ decides; this folder only computes them, for images in float32 with channels last.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/plane.h"
#include "kernels/window.h"

namespace nasnet::inference {

/** Where the pixels of an image lie in a buffer; with `split`, odd columns lie that far behind even ones. */
struct View {
  int64_t buffer, base, row, pixel, split, left;

  int64_t place(int64_t y, int64_t x) const {
    const int64_t column = x + left;
    return base + y * row + (split > 0 ? column % 2 * split + column / 2 * pixel : column * pixel);
  }
};

/** Places of all pixels of the images that run together, image after image. */
using Places = std::vector<int32_t>;

/** Another place for a result, through a ReLU if asked. */
struct Copy {
  View to;
  bool relu;
  Places places = {};
};

/** The parameters of a step by their numbers among the program's tensors, −1 for none. */
struct Parameters {
  int64_t depthwise, weight, scale, shift, mean, variance, bias;
  double epsilon;
  int64_t offset;  // the first channel of scale, shift, mean and variance
};

struct Step {
  // unit: [depthwise and then] a convolution; sum: one image or two; mean: of an image's pixels, times a factor
  enum Kind { unit, average, maximum, sum, mean };

  Kind kind;
  View from;
  kernels::Window window;  // of an image; of the depthwise convolution if there is one
  int64_t channels;        // of the result
  View to;
  bool relu, hasAddend;
  View addend;
  std::vector<Copy> copies;
  Parameters parameters;
  double factor;

  int64_t pixels() const { return window.rows.result * window.columns.result; }
  bool hasDepthwise() const { return parameters.depthwise >= 0; }

  // What is made of it for a run:
  Places fromPlaces, toPlaces, addendPlaces;
  Places segments;  // of a convolution: where the numbers under its kernel begin, from those of its corner
  int64_t segmentLength = 0;
  std::vector<ptrdiff_t> taps;  // of a window that runs along rows: its columns
  std::vector<float> factors;   // of a mean and an average, for each pixel
  kernels::Floats panels{0}, bias{0}, filter{0};
};

struct Buffer {
  int64_t floats;  // of an image
  float fill;
};

class Arena;       // the memory of all buffers
struct Workplace;  // what a thread works in

class Program {
 public:
  /** code: what src/engine/inference/program.ts writes. @throws std::invalid_argument for anything else */
  Program(const std::vector<double>& code, std::vector<at::Tensor> tensors);
  ~Program();

  /** images [n, channels, height, width], float32, channels last. @returns [n, ...] as the code says */
  at::Tensor run(const at::Tensor& images);

 private:
  friend class Code;
  void prepare(Step& step);
  void packChanged();
  void pack(Step& step);
  Arena& arena(size_t index);

  std::vector<Buffer> buffers_;  // the first two are the images' and the result's
  std::vector<int64_t> resultShape_;
  std::vector<Step> steps_;
  std::vector<at::Tensor> tensors_;
  std::vector<std::pair<int64_t, const void*>> versions_;  // of the tensors, as they were when they were packed
  int64_t together_ = 1;                                   // images
  std::vector<std::unique_ptr<Arena>> arenas_;
  std::vector<std::unique_ptr<Workplace>> workplaces_;  // of each thread
};

}  // namespace nasnet::inference
