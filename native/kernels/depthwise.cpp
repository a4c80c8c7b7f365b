// See depthwise.h.
#include "depthwise.h"

#include <numeric>

#include "depthwise-image.h"
#include "over-images.h"

namespace nasnet::kernels {

namespace {

/** Returns 1 / the number of cells inside the image under each window of an axis. */
std::vector<float> shares(const Axis& axis, int64_t repeats) {
  std::vector<float> factors;
  for (int64_t index = 0; index < axis.result; ++index) {
    int64_t cells = 0;
    for (int64_t tap = 0; tap < axis.kernel; ++tap) {
      const int64_t place = index * axis.stride + tap * axis.dilation - axis.before;
      if (place >= 0 && place < axis.input) ++cells;
    }
    factors.insert(factors.end(), repeats, 1.0f / static_cast<float>(cells));
  }
  return factors;
}

/** The factors of an average pool along a row of results, [columns · channels], and for each row. */
struct Average {
  std::vector<float> along, down;
  Average() = default;
  explicit Average(const Window& window)
      : along(shares(window.columns, window.channels)), down(shares(window.rows, 1)) {}
};

}  // namespace

bool covers(const Window& window) {
  for (const Axis& axis : {window.rows, window.columns}) {
    const int64_t step = axis.stride / std::gcd(axis.stride, axis.dilation);
    const int64_t kernel = axis.kernel;
    if (kernel < 1 || kernel > 7 || kernel == 4 || kernel == 6) return false;
    if (axis.stride > 2 || step > 2 || axis.input < 1 || axis.result < 1) return false;
  }
  return window.images > 0 && window.channels > 0;
}

void depthwise(const Window& window, const Stored& input, const float* weight, bool relu, const Room& result) {
  const Axis &rows = window.rows, &columns = window.columns;
  const Average average = weight == nullptr ? Average(window) : Average();
  const int64_t length = columns.result * window.channels;
  const Floats packed = packedDepthwise(window, weight);
  const Slices slices(window.images, rows.result);
  overImages(slices.count(), [&](int64_t, int64_t begin, int64_t end) {
    Plane plane = inputPlane(window);
    const DepthwiseRows pass(window, plane, packed.get());
    const Floats room(result.numbers == Numbers::float32 ? 0 : window.resultFloats());
    for (int64_t index = begin; index < end; ++index) {
      const auto [image, top, bottom] = slices[index];
      const auto [firstRow, lastRow] = rows.readBy(top, bottom);
      plane.put(input + image * window.inputFloats(), firstRow, lastRow, relu);
      const Room to = result + image * window.resultFloats() + top * length;
      float* made = result.numbers == Numbers::float32 ? to.floats() : room.get();
      pass.run(plane, top, bottom - top, made);
      for (int64_t y = top; weight == nullptr && y < bottom; ++y) {
        loopsOf(window).scale(to + (y - top) * length, made + (y - top) * length, average.along.data(), average.down[y],
                              length);
      }
      if (weight != nullptr && made != to.data) loops().copy(to, made, (bottom - top) * length, false);
    }
  });
}

void depthwiseGradients(const Window& window, const Stored& input, const float* weight, bool relu,
                        const Stored& gradient, const Room& inputGradient, bool add, float* weightGradient) {
  const Axis &rows = window.rows, &columns = window.columns;
  const InputGradient toInput(window, weight);
  const Average average = weight == nullptr ? Average(window) : Average();
  std::vector<std::vector<double>> sums(at::get_num_threads());
  overImages(window.images, [&](int64_t part, int64_t begin, int64_t end) {
    Plane gradients = toInput.plane();
    Plane inputs = inputPlaneForWeights(window);
    const Floats scattered(window.inputFloats());
    WeightSums weightSums(window, inputs);
    const bool written = inputGradient.numbers == Numbers::float32 && !add;  // in place
    const Floats room(written ? 0 : window.inputFloats());
    for (int64_t image = begin; image < end; ++image) {
      const Stored from = input.data == nullptr ? input : input + image * window.inputFloats();
      const Stored given = gradient + image * window.resultFloats();
      if (weight == nullptr) gradients.putScaled(given, average.along.data(), average.down.data());
      else gradients.put(given, 0, rows.result, false);
      if (weightGradient != nullptr) {
        inputs.put(from, 0, rows.input, relu);
        weightSums.add(inputs, toInput.interior(gradients), gradients.pitch());
      }
      if (inputGradient.data != nullptr) {
        const Room to = inputGradient + image * window.inputFloats();
        float* made = written ? to.floats() : room.get();
        toInput.run(gradients, made, scattered.get());
        if (add) loops().addMasked(to.floats(), made, relu ? from.floats() : nullptr, window.inputFloats());
        else if (relu) loopsOf(window).mask(to, made, from, window.inputFloats());
        else if (made != to.data) loops().copy(to, made, window.inputFloats(), false);
      }
    }
    if (weightGradient != nullptr) {
      sums[part].resize(window.channels * rows.kernel * columns.kernel);
      weightSums.addTo(sums[part].data());
    }
  });
  if (weightGradient == nullptr) return;
  for (size_t index = 0; index < sums[0].size(); ++index) {
    double total = 0;
    for (const std::vector<double>& each : sums) total += each.empty() ? 0 : each[index];
    weightGradient[index] = static_cast<float>(total);
  }
}

}  // namespace nasnet::kernels
