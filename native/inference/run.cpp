// See program.h: a program's run.
#include <ATen/Parallel.h>

#include <atomic>
#include <numeric>
#include <stdexcept>

#include "arena.h"
#include "kernels/depthwise-image.h"
#include "loops/placed.h"
#include "program.h"
#include "team.h"

namespace nasnet::inference {

namespace {

constexpr int64_t tileFloats = 4096;      // 16 KiB: half of a first-level cache
constexpr int64_t productFloats = 32768;  // of a product's left side: it stays in the second-level cache

/** Rows of a depthwise convolution or pool that are computed before they are put in their places. */
int64_t bandRows(const Step& step) {
  return std::max<int64_t>(4, tileFloats / (step.window.columns.result * step.window.channels) / 4 * 4);
}

/** One thread's part of a run of the steps over some images. */
class Part {
 public:
  Part(const std::vector<Buffer>& buffers, const Arena& arena, Workplace& workplace, const float* images, float* result,
       int64_t first, int64_t count, int index, Team& team)
      : buffers_(buffers), arena_(arena), workplace_(workplace), images_(images), result_(result), first_(first),
        count_(count), index_(index), team_(team) {}

  void run(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      runStep(step);
      team_.wait();
    }
  }

 private:
  void runStep(const Step& step) {
    if (step.kind == Step::mean) return runMean(step);
    if (step.kind == Step::sum) return runSum(step);
    if (step.kind == Step::unit && !step.hasDepthwise()) return runConvolution(step);
    overBands(step, [&](int64_t image, int64_t y, int64_t rows) {
      const int64_t pixels = rows * step.window.columns.result, inImage = y * step.window.columns.result,
                    first = image * step.pixels() + inImage;
      const float* from = buffer(step.from) + image * buffers_[step.from.buffer].floats;
      if (step.kind == Step::maximum) maximum(step, from, y, rows);
      else correlate(step, from, y, rows);
      if (step.kind == Step::unit) multiply(step, workplace_.tile.get(), tilePlaces(step), first, pixels);
      else place(step, inImage, first, pixels);
      copyOn(step, first, pixels);
    });
  }

  /** work(image, row, rows) for each band of this thread's rows. */
  template <typename Work>
  void overBands(const Step& step, const Work& work) {
    const int64_t height = step.window.rows.result, all = height * count_, most = bandRows(step);
    int64_t row = share(all, index_);
    const int64_t end = share(all, index_ + 1);
    while (row < end) {
      const int64_t image = row / height, y = row % height, rows = std::min({most, height - y, end - row});
      work(image, y, rows);
      row += rows;
    }
  }

  int64_t share(int64_t all, int64_t index) const { return all * index / team_.count(); }

  float* buffer(const View& view) const {
    if (view.buffer == 0) return const_cast<float*>(images_) + first_ * buffers_[0].floats;
    if (view.buffer == 1) return result_ + first_ * buffers_[1].floats;
    return arena_.buffer(view.buffer);
  }
  const float* addend(const Step& step) const { return step.hasAddend ? buffer(step.addend) : nullptr; }
  const int32_t* addendPlaces(const Step& step, int64_t first) const {
    return step.hasAddend ? step.addendPlaces.data() + first : nullptr;
  }

  /** Places of pixels that lie side by side. */
  const int32_t* tilePlaces(const Step& step) {
    const int64_t channels = step.window.channels, pixels = bandRows(step) * step.window.columns.result;
    Places& places = workplace_.tilePlaces[channels];
    for (int64_t pixel = static_cast<int64_t>(places.size()); pixel < pixels; ++pixel)
      places.push_back(static_cast<int32_t>(pixel * channels));
    return places.data();
  }

  void correlate(const Step& step, const float* from, int64_t y, int64_t count) const {
    const auto &rows = step.window.rows, &columns = step.window.columns;
    const kernels::Loops& loops = kernels::loopsOf(step.window);
    const int64_t length = columns.result * step.window.channels, common = std::gcd(rows.stride, rows.dilation),
                  turns = rows.dilation / common, period = std::lcm<int64_t>(step.window.channels, loops.width);
    const auto run = [&](int64_t begin, int64_t turn, int64_t some) {
      const float* source = from + step.from.place((y + begin + turn) * rows.stride - rows.before, -columns.before);
      loops.correlate({source, step.from.row * rows.dilation, workplace_.tile.get() + (begin + turn) * length,
                       length * turns, some, length, period, static_cast<int>(rows.kernel),
                       static_cast<int>(rows.stride / common), static_cast<int>(step.taps.size()), step.taps.data(),
                       step.filter.get()});
    };
    if (turns == 1 && count > 4 && count % 4 > 1) {  // four rows together take less time than two alone
      run(0, 0, count / 4 * 4);
      run(count - 4, 0, 4);
      return;
    }
    for (int64_t turn = 0; turn < turns && turn < count; ++turn) run(0, turn, (count - turn + turns - 1) / turns);
  }

  void maximum(const Step& step, const float* from, int64_t y, int64_t count) const {
    const auto &rows = step.window.rows, &columns = step.window.columns;
    const float* source = from + step.from.place(y * rows.stride - rows.before, -columns.before);
    kernels::loops().maximum({source, step.from.row, (count - 1) * rows.stride + rows.kernel, workplace_.tile.get(),
                              nullptr, count, columns.result * step.window.channels, static_cast<int>(rows.kernel),
                              static_cast<int>(rows.stride), static_cast<int>(columns.kernel), step.taps.data(),
                              workplace_.across.get(), workplace_.acrossPlaces.data()});
  }

  /** The tile's pixels in their places. */
  void place(const Step& step, int64_t inImage, int64_t first, int64_t pixels) {
    placedLoops().copy({workplace_.tile.get(), tilePlaces(step),
                        step.kind == Step::average ? step.factors.data() + inImage : nullptr, addend(step),
                        addendPlaces(step, first), buffer(step.to), step.toPlaces.data() + first, pixels, step.channels,
                        step.relu});
  }

  void multiply(const Step& step, const float* a, const int32_t* aPlaces, int64_t first, int64_t pixels) const {
    product(step, a, aPlaces, first, pixels, 0, placedLoops().panelCount(step.channels));
  }

  void product(const Step& step, const float* a, const int32_t* aPlaces, int64_t first, int64_t pixels,
               int64_t firstPanel, int64_t lastPanel) const {
    static constexpr int32_t start = 0;
    const bool convolution = !step.segments.empty();
    placedLoops().product({a, aPlaces, convolution ? step.segments.data() : &start,
                           convolution ? static_cast<ptrdiff_t>(step.segments.size()) : 1,
                           convolution ? step.segmentLength : step.window.channels, step.panels.get(), step.bias.get(),
                           buffer(step.to), step.toPlaces.data() + first, addend(step), addendPlaces(step, first),
                           pixels, step.channels, firstPanel, lastPanel, step.relu});
  }

  void runConvolution(const Step& step) {
    const PlacedLoops& loops = placedLoops();
    const int64_t all = step.pixels() * count_, panels = loops.panelCount(step.channels), threads = team_.count();
    const float* from = buffer(step.from);
    // Few pixels and many columns: threads share the columns, and none reads the weights of another.
    if (threads > 1 && panels >= 2 * threads && all < 16 * loops.mostRows * threads && step.copies.empty()) {
      product(step, from, step.fromPlaces.data(), 0, all, share(panels, index_), share(panels, index_ + 1));
      return;
    }
    const int64_t depth = static_cast<int64_t>(step.segments.size()) * step.segmentLength;
    const int64_t most = std::max<int64_t>(4 * loops.mostRows, productFloats / depth / loops.mostRows * loops.mostRows);
    const int64_t end = share(all, index_ + 1);
    for (int64_t first = share(all, index_); first < end; first += most) {
      const int64_t pixels = std::min(most, end - first);
      product(step, from, step.fromPlaces.data() + first, first, pixels, 0, panels);
      copyOn(step, first, pixels);
    }
  }

  void runSum(const Step& step) {
    const int64_t all = step.pixels() * count_, first = share(all, index_), pixels = share(all, index_ + 1) - first;
    placedLoops().copy({buffer(step.from), step.fromPlaces.data() + first, nullptr, addend(step),
                        addendPlaces(step, first), buffer(step.to), step.toPlaces.data() + first, pixels, step.channels,
                        step.relu});
    copyOn(step, first, pixels);
  }

  /** The copies of what this thread has just computed. */
  void copyOn(const Step& step, int64_t first, int64_t pixels) const {
    for (const Copy& copy : step.copies)
      placedLoops().copy({buffer(step.to), step.toPlaces.data() + first, nullptr, nullptr, nullptr, buffer(copy.to),
                          copy.places.data() + first, pixels, step.channels, copy.relu});
  }

  void runMean(const Step& step) {
    const int64_t pixels = step.window.rows.input * step.window.columns.input, lines = (step.channels + 15) / 16;
    const int64_t begin = share(lines, index_) * 16, end = std::min(step.channels, share(lines, index_ + 1) * 16);
    if (begin >= end) return;
    const float factor = static_cast<float>(step.factor);
    const int32_t zero = 0;
    for (int64_t image = 0; image < count_; ++image) {
      float* sums = workplace_.tile.get();
      std::fill(sums, sums + (end - begin), 0.0f);
      const float* from = buffer(step.from) + begin;
      for (int64_t pixel = image * pixels; pixel < (image + 1) * pixels; ++pixel)
        kernels::loops().add(sums, from + step.fromPlaces[pixel], end - begin);
      placedLoops().copy({sums, &zero, &factor, nullptr, nullptr, buffer(step.to) + begin, step.toPlaces.data() + image,
                          1, end - begin, step.relu});
    }
  }

  const std::vector<Buffer>& buffers_;
  const Arena& arena_;
  Workplace& workplace_;
  const float* images_;
  float* result_;
  int64_t first_, count_;
  int index_;
  Team& team_;
};

}  // namespace

Workplace::Workplace(const std::vector<Step>& steps) {
  int64_t tile = 0, across = 0;
  for (const Step& step : steps) {
    tile = std::max({tile, bandRows(step) * step.window.columns.result * step.window.channels, step.channels});
    if (step.kind != Step::maximum) continue;
    const int64_t rows = (bandRows(step) - 1) * step.window.rows.stride + step.window.rows.kernel;
    across = std::max(across, rows * (step.window.columns.result * step.window.channels + 16));
  }
  this->tile = kernels::Floats(tile + 64);
  this->across = kernels::Floats(across + 64);
  acrossPlaces.resize(across + 64);
}

at::Tensor Program::run(const at::Tensor& images) {
  const at::Tensor input = images.contiguous(at::MemoryFormat::ChannelsLast);
  if (input.dim() != 4 || input.scalar_type() != at::kFloat || !input.device().is_cpu() ||
      input.size(1) * input.size(2) * input.size(3) != buffers_[0].floats)
    throw std::invalid_argument("expected float32 images of the program's size on the CPU");
  packChanged();
  const int64_t all = input.size(0);
  std::vector<int64_t> shape{all};
  shape.insert(shape.end(), resultShape_.begin(), resultShape_.end());
  at::Tensor result = at::empty(shape, at::kFloat);
  if (all == 0) return result;
  const int threads = at::get_num_threads();
  for (size_t index = 0; index < static_cast<size_t>(std::max(threads, 1)); ++index) {
    arena(index);
    if (workplaces_.size() <= index) workplaces_.push_back(std::make_unique<Workplace>(steps_));
  }
  std::atomic<int64_t> next{0};
  asTeam([&](int index, Team& team) {
    const auto part = [&](int64_t first, int64_t count, int64_t own, int position, Team& who) {
      Part(buffers_, *arenas_[own], *workplaces_[index], input.data_ptr<float>(), result.data_ptr<float>(), first,
           count, position, who)
          .run(steps_);
    };
    // Each thread alone runs groups of images, as many as all threads can; they share each of those that are left.
    const int64_t group = std::max<int64_t>(1, std::min(together_, all / team.count()));
    const int64_t groups = all / (group * team.count()) * team.count();
    Team alone(1);
    for (int64_t each = next++; each < groups; each = next++) part(each * group, group, index, 0, alone);
    team.wait();
    for (int64_t first = groups * group; first < all; first += together_)
      part(first, std::min(together_, all - first), 0, index, team);
  });
  return result;
}

}  // namespace nasnet::inference
