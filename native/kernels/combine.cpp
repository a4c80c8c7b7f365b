// See combine.h.
#include "combine.h"

#include <algorithm>
#include <optional>

#include "channel-lines.h"
#include "over-images.h"
#include "plane.h"

namespace nasnet::kernels {

namespace {

constexpr int64_t blockFloats = 4096;  // 16 KiB

/** Pixels of a block: whole lines of parameters. */
int64_t blockPixels(int64_t channels) {
  const int64_t line = lineOf(channels);
  return std::max<int64_t>(1, blockFloats / line) * line / channels;
}

/** Pixels first … last side by side: where they lie, or copied into `room`. */
const float* together(const float* values, int64_t pitch, int64_t channels, int64_t first, int64_t last, float* room) {
  const float* from = values + first * pitch;
  if (pitch == channels) return from;
  loops().copyPixels({room, channels, from, pitch, last - first, channels, false});
  return room;
}

}  // namespace

void combine(const Pixels& pixels, const Operand& left, const Operand* right, float* result) {
  const int64_t channels = pixels.channels, block = blockPixels(channels), period = lineOf(channels);
  // One operand is `first`, normalised if any is; the other is added, times a factor.
  const bool swapped = right != nullptr && left.norm == nullptr && right->norm != nullptr;
  const Operand& first = swapped ? *right : left;
  const Operand* second = swapped ? &left : right;
  std::optional<NormLines> lines;
  std::vector<float> factors;
  if (first.norm != nullptr) {
    lines.emplace(Norm(first.norm, channels), channels);
    factors.assign(period, 1.0f);
    if (second != nullptr && second->norm != nullptr) {
      const Norm norm(second->norm, channels);
      factors = tiled(period, channels, [&](int64_t c) { return norm.factor[c]; });
      const std::vector<float> more = tiled(period, channels, [&](int64_t c) {
        return norm.shift[c] - static_cast<double>(norm.mean[c]) * norm.factor[c];
      });
      for (int64_t place = 0; place < period; ++place) lines->shifts[place] += more[place];
    }
  }
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    const Floats room(2 * block * channels);
    float *firstRoom = room.get(), *secondRoom = firstRoom + block * channels;
    for (int64_t start = begin; start < end; start += block) {
      const int64_t last = std::min(start + block, end), count = (last - start) * channels;
      const float* one = together(first.values, first.pitch, channels, start, last, firstRoom);
      const float* other = second == nullptr ? nullptr : together(second->values, second->pitch, channels, start, last, secondRoom);
      float* to = result + start * channels;
      if (lines) {
        loops().channelScale({one, other, to, count, period, lines->centres.data(), lines->factors.data(), lines->shifts.data(),
                              factors.data(), false});
      } else {
        loops().copy(to, one, count, false);
        if (other != nullptr) loops().add(to, other, count);
      }
    }
  });
}

void combineSums(const Pixels& pixels, const float* gradient, int64_t gradientPitch, const OperandSums* wanted, int64_t count) {
  const int64_t channels = pixels.channels, block = blockPixels(channels), period = lineOf(channels);
  const int64_t threads = at::get_num_threads();
  std::vector<std::vector<float>> centres;
  for (int64_t index = 0; index < count; ++index) {
    const Norm norm(wanted[index].operand.norm, channels);
    centres.push_back(tiled(period, channels, [&](int64_t c) { return norm.mean[c]; }));
  }
  std::vector<ChannelTotals> totals(threads * count, ChannelTotals(channels));
  overImages(pixels.count, [&](int64_t part, int64_t begin, int64_t end) {
    const Floats room(block * channels);
    for (int64_t start = begin; start < end; start += block) {
      const int64_t last = std::min(start + block, end);
      const float* from = together(gradient, gradientPitch, channels, start, last, room.get());
      for (int64_t index = 0; index < count; ++index) {
        ChannelTotals& mine = totals[part * count + index];
        loops().channelSums({wanted[index].operand.values + start * channels, from, (last - start) * channels, period, centres[index].data(),
                             mine.sums(), mine.products()});
        mine.add();
      }
    }
  });
  for (int64_t index = 0; index < count; ++index) {
    const Norm norm(wanted[index].operand.norm, channels);
    for (int64_t channel = 0; channel < channels; ++channel) {
      double sum = 0, product = 0;
      for (int64_t part = 0; part < threads; ++part) {
        sum += totals[part * count + index].sum(channel);
        product += totals[part * count + index].product(channel);
      }
      wanted[index].sums[channel] = static_cast<float>(product * norm.inverse[channel]);
      wanted[index].sums[channels + channel] = static_cast<float>(sum);
    }
  }
}

namespace {

/** work(slice, its first channel, first pixel, pixels) for blocks of pixels of a concatenation. */
template <typename Work>
void overSlices(const Pixels& pixels, const std::vector<Slice>& slices, const Work& work) {
  const int64_t block = std::max<int64_t>(8, 2 * blockFloats / pixels.channels);
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t start = begin; start < end; start += block) {
      int64_t channel = 0;
      for (const Slice& slice : slices) {
        work(slice, channel, start, std::min(block, end - start));
        channel += slice.channels;
      }
    }
  });
}

}  // namespace

void sumAll(const Pixels& pixels, const std::vector<Slice>& images, float* result) {
  const int64_t channels = pixels.channels, block = blockPixels(channels);
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    const Floats room(block * channels);
    for (int64_t start = begin; start < end; start += block) {
      const int64_t last = std::min(start + block, end), count = (last - start) * channels;
      float* to = result + start * channels;
      for (const Slice& each : images) {
        const float* from = together(each.values, each.pitch, channels, start, last, room.get());
        if (&each == &images.front()) loops().copy(to, from, count, false);
        else loops().add(to, from, count);
      }
    }
  });
}

void concatenate(const Pixels& pixels, const std::vector<Slice>& slices, float* whole) {
  overSlices(pixels, slices, [&](const Slice& slice, int64_t channel, int64_t first, int64_t count) {
    loops().copyPixels({whole + first * pixels.channels + channel, pixels.channels, slice.values + first * slice.pitch, slice.pitch, count,
                        slice.channels, false});
  });
}

void split(const Pixels& pixels, const float* whole, const std::vector<Slice>& slices) {
  overSlices(pixels, slices, [&](const Slice& slice, int64_t channel, int64_t first, int64_t count) {
    loops().copyPixels({slice.values + first * slice.pitch, slice.pitch, whole + first * pixels.channels + channel, pixels.channels, count,
                        slice.channels, false});
  });
}

}  // namespace nasnet::kernels
