// See program.h: what a program's code says, and what is made of it before a run.
#include "program.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "arena.h"
#include "kernels/depthwise-image.h"
#include "kernels/depthwise.h"
#include "loops/placed.h"

namespace nasnet::inference {

namespace {

[[noreturn]] void wrongCode(const char* what) {
  throw std::invalid_argument(std::string("inference: expected ") + what);
}

constexpr int64_t arenaFloats = 1 << 21;  // of images that run together: 8 MiB
constexpr int64_t mostTogether = 16;

/** Places of every pixel of `images` images under a function of row and column. */
template <typename Place>
Places placesOf(int64_t images, int64_t apart, int64_t height, int64_t width, const Place& place) {
  Places places;
  places.reserve(images * height * width);
  for (int64_t image = 0; image < images; ++image)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) places.push_back(static_cast<int32_t>(image * apart + place(y, x)));
  return places;
}

/** The number of cells inside the image under the window at a place of an axis. */
int64_t cellsInside(const kernels::Axis& axis, int64_t index) {
  int64_t cells = 0;
  for (int64_t tap = 0; tap < axis.kernel; ++tap) {
    const int64_t place = index * axis.stride + tap * axis.dilation - axis.before;
    cells += place >= 0 && place < axis.input;
  }
  return cells;
}

}  // namespace

/** Reads the code of a program, number after number. */
class Code {
 public:
  Code(const std::vector<double>& numbers, int64_t tensors) : numbers_(numbers), tensors_(tensors) {}

  int64_t whole(int64_t least = 0, int64_t most = std::numeric_limits<int32_t>::max()) {
    const double value = number();
    if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) || value != std::floor(value))
      wrongCode("a whole number within its bounds");
    return static_cast<int64_t>(value);
  }
  double number() {
    if (next_ >= numbers_.size()) wrongCode("more numbers");
    return numbers_[next_++];
  }
  bool flag() { return whole(0, 1) == 1; }
  int64_t tensor() { return whole(-1, tensors_ - 1); }
  bool atEnd() const { return next_ == numbers_.size(); }

  View view(const std::vector<Buffer>& buffers) {
    const int64_t buffer = whole(0, static_cast<int64_t>(buffers.size()) - 1);
    const int64_t base = whole(), row = whole(), pixel = whole(), split = whole(), left = whole();
    return {buffer, base, row, pixel, split, left};
  }

  kernels::Axis axis() {
    const int64_t input = whole(1), result = whole(1), kernel = whole(1), stride = whole(1), dilation = whole(1);
    const int64_t before = whole(-std::numeric_limits<int32_t>::max());
    const int64_t after = (result - 1) * stride + (kernel - 1) * dilation + 1 - before - input;
    return {input, result, kernel, stride, dilation, before, after};
  }

  Step step(const std::vector<Buffer>& buffers) {
    Step step;
    step.kind = static_cast<Step::Kind>(whole(Step::unit, Step::mean));
    step.from = view(buffers);
    const int64_t channels = whole(1);
    const kernels::Axis rows = axis(), columns = axis();
    step.window = {1, channels, rows, columns};
    step.channels = whole(1);
    step.to = view(buffers);
    step.relu = flag();
    step.hasAddend = flag();
    step.addend = view(buffers);
    for (int64_t left = whole(); left > 0; --left) {
      const View to = view(buffers);
      step.copies.push_back({to, flag()});
    }
    Parameters& own = step.parameters;
    for (int64_t* each : {&own.depthwise, &own.weight, &own.scale, &own.shift, &own.mean, &own.variance, &own.bias})
      *each = tensor();
    own.epsilon = number();
    own.offset = whole();
    step.factor = number();
    return step;
  }

 private:
  const std::vector<double>& numbers_;
  int64_t tensors_;
  size_t next_ = 0;
};

Program::Program(const std::vector<double>& numbers, std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) {
  Code code(numbers, static_cast<int64_t>(tensors_.size()));
  for (int64_t left = code.whole(2); left > 0; --left) {
    const int64_t floats = code.whole();
    buffers_.push_back({floats, static_cast<float>(code.number())});
  }
  for (int64_t left = code.whole(); left > 0; --left) resultShape_.push_back(code.whole(1));
  for (int64_t left = code.whole(1); left > 0; --left) steps_.push_back(code.step(buffers_));
  if (!code.atEnd()) wrongCode("no more numbers");
  for (const at::Tensor& each : tensors_) {
    if (!each.defined() || !each.device().is_cpu() || each.scalar_type() != at::kFloat)
      wrongCode("parameters in float32 on the CPU");
  }
  int64_t all = 1, largest = 1;
  for (size_t index = 2; index < buffers_.size(); ++index) all += buffers_[index].floats;
  for (const Buffer& each : buffers_) largest = std::max(largest, each.floats);
  together_ = std::clamp<int64_t>(arenaFloats / all, 1, mostTogether);
  if (largest * together_ > std::numeric_limits<int32_t>::max()) wrongCode("images of fewer numbers");
  for (Step& step : steps_) prepare(step);
  versions_.assign(tensors_.size(), {-1, nullptr});
}

Program::~Program() = default;

Arena& Program::arena(size_t index) {
  if (arenas_.size() <= index) arenas_.resize(index + 1);
  if (!arenas_[index]) {
    std::vector<Buffer> own = buffers_;
    own[0].floats = own[1].floats = 0;  // not ours
    arenas_[index] = std::make_unique<Arena>(own, together_);
  }
  return *arenas_[index];
}

void Program::prepare(Step& step) {
  const auto &rows = step.window.rows, &columns = step.window.columns;
  const auto floats = [&](const View& view) { return buffers_[view.buffer].floats; };
  const auto every = [&](const View& view) {
    return placesOf(together_, floats(view), rows.result, columns.result,
                    [&](int64_t y, int64_t x) { return view.place(y, x); });
  };
  step.toPlaces = every(step.to);
  if (step.hasAddend) step.addendPlaces = every(step.addend);
  for (Copy& copy : step.copies) copy.places = every(copy.to);
  if (step.kind == Step::sum) step.fromPlaces = every(step.from);
  if (step.kind == Step::mean) {
    step.fromPlaces = placesOf(together_, floats(step.from), rows.input, columns.input,
                               [&](int64_t y, int64_t x) { return step.from.place(y, x); });
    return;
  }
  if (step.kind == Step::sum) return;
  if (step.kind != Step::unit || step.hasDepthwise()) {
    if (!kernels::covers(step.window)) wrongCode("windows of 1, 2, 3, 5 or 7 with strides up to 2");
    const int64_t corner = step.from.place(0, -columns.before);
    for (int64_t tap = 0; tap < columns.kernel; ++tap)
      step.taps.push_back(step.from.place(0, tap * columns.dilation - columns.before) - corner);
  }
  if (step.kind == Step::average) {
    step.filter = kernels::packedDepthwise(step.window, nullptr);
    for (int64_t y = 0; y < rows.result; ++y)
      for (int64_t x = 0; x < columns.result; ++x)
        step.factors.push_back(1.0f / static_cast<float>(cellsInside(rows, y) * cellsInside(columns, x)));
  }
  if (step.kind != Step::unit || step.hasDepthwise()) return;
  step.fromPlaces = placesOf(together_, floats(step.from), rows.result, columns.result, [&](int64_t y, int64_t x) {
    return step.from.place(y * rows.stride - rows.before, x * columns.stride - columns.before);
  });
  const bool inLine = columns.dilation == 1 && step.from.pixel == step.window.channels;
  if (step.from.split > 0 && rows.kernel * columns.kernel > 1) wrongCode("columns of a window side by side");
  step.segmentLength = inLine ? columns.kernel * step.window.channels : step.window.channels;
  for (int64_t y = 0; y < rows.kernel; ++y)
    for (int64_t x = 0; x < (inLine ? 1 : columns.kernel); ++x)
      step.segments.push_back(
          static_cast<int32_t>(y * rows.dilation * step.from.row + x * columns.dilation * step.from.pixel));
}

void Program::packChanged() {
  std::vector<bool> changed(tensors_.size());
  for (size_t index = 0; index < tensors_.size(); ++index) {
    const std::pair<int64_t, const void*> now{tensors_[index]._version(), tensors_[index].data_ptr()};
    changed[index] = now != versions_[index];
    versions_[index] = now;
  }
  for (Step& step : steps_) {
    const Parameters& own = step.parameters;
    for (const int64_t each : {own.depthwise, own.weight, own.scale, own.shift, own.mean, own.variance, own.bias}) {
      if (each < 0 || !changed[each]) continue;
      pack(step);
      break;
    }
  }
}

void Program::pack(Step& step) {
  const Parameters& own = step.parameters;
  const auto vector = [&](int64_t tensor, int64_t offset = 0) {
    if (tensor < 0 || tensors_[tensor].numel() < offset + step.channels) wrongCode("a parameter of each channel");
    return tensors_[tensor].reshape({-1}).narrow(0, offset, step.channels).contiguous();
  };
  std::vector<double> factors(step.channels, 1.0);
  const PlacedLoops& loops = placedLoops();
  const int64_t wide = (step.channels + loops.unit - 1) / loops.unit * loops.unit;
  step.bias = kernels::Floats(wide + 16);
  std::fill_n(step.bias.get(), wide + 16, 0.0f);
  if (own.scale >= 0) {
    const at::Tensor scale = vector(own.scale, own.offset), shift = vector(own.shift, own.offset),
                     mean = vector(own.mean, own.offset), variance = vector(own.variance, own.offset);
    for (int64_t c = 0; c < step.channels; ++c) {
      factors[c] = scale.data_ptr<float>()[c] / std::sqrt(variance.data_ptr<float>()[c] + own.epsilon);
      step.bias.get()[c] = static_cast<float>(shift.data_ptr<float>()[c] - mean.data_ptr<float>()[c] * factors[c]);
    }
  } else if (own.bias >= 0) {
    const at::Tensor bias = vector(own.bias);
    std::copy_n(bias.data_ptr<float>(), step.channels, step.bias.get());
  }
  if (own.depthwise >= 0) {
    const at::Tensor filter = tensors_[own.depthwise].contiguous();
    if (filter.numel() != step.window.channels * step.window.rows.kernel * step.window.columns.kernel)
      wrongCode("a filter of each channel");
    step.filter = kernels::packedDepthwise(step.window, filter.data_ptr<float>());
  }
  if (own.weight < 0) wrongCode("a weight");
  const at::Tensor& weight = tensors_[own.weight];
  const bool flat = own.depthwise >= 0;
  const int64_t kernelRows = flat ? 1 : step.window.rows.kernel, kernelColumns = flat ? 1 : step.window.columns.kernel;
  const int64_t channels = step.window.channels, depth = kernelRows * kernelColumns * channels;
  if (weight.numel() != depth * step.channels || weight.size(0) != step.channels) wrongCode("a weight for every input");
  const bool images = weight.dim() == 4;
  const int64_t strides[4] = {weight.stride(0), weight.stride(1), images ? weight.stride(2) : 0,
                              images ? weight.stride(3) : 0};
  const float* values = weight.data_ptr<float>();
  step.panels = kernels::Floats(depth * wide + 64);
  for (int64_t panel = 0; panel < loops.panelCount(step.channels); ++panel) {
    const int64_t first = loops.panelStart(step.channels, panel), count = loops.panelColumns(step.channels, panel);
    for (int64_t n = first; n < first + count; ++n) {
      float* to = step.panels.get() + first * depth + (n - first);
      for (int64_t y = 0; y < kernelRows; ++y)
        for (int64_t x = 0; x < kernelColumns; ++x)
          for (int64_t c = 0; c < channels; ++c, to += count)
            *to = n < step.channels
                      ? static_cast<float>(factors[n] *
                                           values[n * strides[0] + c * strides[1] + y * strides[2] + x * strides[3]])
                      : 0.0f;
    }
  }
}

}  // namespace nasnet::inference
