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

/** Returns the number of pixels of a block: whole lines of parameters. */
int64_t blockPixels(int64_t channels) {
  const int64_t line = lineOf(channels);
  return std::max<int64_t>(1, blockFloats / line) * line / channels;
}

/** Returns the pixels first … last without gaps: in place, or copied into `room`. */
Stored together(const Stored& values, int64_t pitch, int64_t channels, int64_t first, int64_t last, const Room& room) {
  const Stored from = values + first * pitch;
  if (pitch == channels) return from;
  loops().copyPixels({room, channels, from, pitch, last - first, channels, false});
  return room;
}

/** A block of sums, in float32 until all are added. */
class BlockSum {
 public:
  BlockSum(Numbers numbers, int64_t count) : room_(numbers == Numbers::float32 ? 0 : count) {}

  void start(const Room& to, const Stored& values, int64_t count) {
    to_ = to;
    count_ = count;
    sums_ = to.numbers == Numbers::float32 ? to.floats() : room_.get();
    if (sums_ != values.data) loops().copy(sums_, values, count, false);
  }
  void add(const Stored& values) { loops().add(sums_, values, count_); }
  void end() const {
    if (sums_ != to_.data) loops().copy(to_, sums_, count_, false);
  }

 private:
  Floats room_;
  Room to_;
  float* sums_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace

void combine(const Pixels& pixels, const Operand& left, const Operand* right, const Room& result) {
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
    const Tile rooms(result.numbers, 2 * block * channels);
    const Room firstRoom = rooms.room(), secondRoom = firstRoom + block * channels;
    BlockSum sum(result.numbers, block * channels);
    for (int64_t start = begin; start < end; start += block) {
      const int64_t last = std::min(start + block, end), count = (last - start) * channels;
      const Stored one = together(first.values, first.pitch, channels, start, last, firstRoom);
      const Stored other =
          second == nullptr ? Stored() : together(second->values, second->pitch, channels, start, last, secondRoom);
      const Room to = result + start * channels;
      if (lines) {
        loops().channelScale({one, other, to, count, period, lines->centres.data(), lines->factors.data(),
                              lines->shifts.data(), factors.data(), false});
      } else {
        sum.start(to, one, count);
        if (other.data != nullptr) sum.add(other);
        sum.end();
      }
    }
  });
}

void combineSums(const Pixels& pixels, const Stored& gradient, int64_t gradientPitch, const OperandSums* wanted,
                 int64_t count) {
  const int64_t channels = pixels.channels, block = blockPixels(channels), period = periodOf(channels);
  std::vector<std::vector<float>> centres;
  for (int64_t index = 0; index < count; ++index) {
    const Norm norm(wanted[index].operand.norm, channels);
    centres.push_back(tiled(period, channels, [&](int64_t c) { return norm.mean[c]; }));
  }
  std::vector<ChannelTotals> totals(at::get_num_threads() * count, ChannelTotals(channels));
  overImages(pixels.count, [&](int64_t part, int64_t begin, int64_t end) {
    const Tile room(gradient.numbers, block * channels);
    for (int64_t start = begin; start < end; start += block) {
      const int64_t last = std::min(start + block, end);
      const Stored from = together(gradient, gradientPitch, channels, start, last, room.room());
      for (int64_t index = 0; index < count; ++index) {
        ChannelTotals& mine = totals[part * count + index];
        loops().channelSums({wanted[index].operand.values + start * channels, from, (last - start) * channels, period,
                             centres[index].data(), mine.sums(), mine.products()});
        mine.add();
      }
    }
  });
  for (int64_t index = 0; index < count; ++index) {
    const Norm norm(wanted[index].operand.norm, channels);
    for (int64_t channel = 0; channel < channels; ++channel) {
      const ChannelTotal total(totals, channel, index, count);
      wanted[index].sums[channel] = static_cast<float>(total.product * norm.inverse[channel]);
      wanted[index].sums[channels + channel] = static_cast<float>(total.sum);
    }
  }
}

void sumAll(const Pixels& pixels, const std::vector<Slice>& images, const Room& result) {
  const int64_t channels = pixels.channels, block = blockPixels(channels);
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    const Tile room(result.numbers, block * channels);
    BlockSum sum(result.numbers, block * channels);
    for (int64_t start = begin; start < end; start += block) {
      const int64_t last = std::min(start + block, end), count = (last - start) * channels;
      for (const Slice& each : images) {
        const Stored from = together(each.values, each.pitch, channels, start, last, room.room());
        if (&each == &images.front()) sum.start(result + start * channels, from, count);
        else sum.add(from);
      }
      sum.end();
    }
  });
}

namespace {

void interleave(const Pixels& pixels, const std::vector<Slice>& slices, const Room& whole, bool apart) {
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    std::vector<Slice> own = slices;
    for (Slice& slice : own) slice.values = slice.values + begin * slice.pitch;
    loops().interleave({whole + begin * pixels.channels, pixels.channels, own.data(), static_cast<int>(own.size()),
                        end - begin, apart});
  });
}

}  // namespace

void concatenate(const Pixels& pixels, const std::vector<Slice>& slices, const Room& whole) {
  interleave(pixels, slices, whole, false);
}

void split(const Pixels& pixels, const Room& whole, const std::vector<Slice>& slices) {
  interleave(pixels, slices, whole, true);
}

}  // namespace nasnet::kernels
