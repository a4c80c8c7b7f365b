// The inner loops of the kernels and depthwise convolutions against loops as anyone would write them, in float64, over
// random sizes that are no multiples of vectors. It needs neither libtorch nor Node, so that it runs for any processor
// that a compiler and an emulator know. Prints what is wrong, or the version of the loops and how much was compared.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/depthwise-image.h"
#include "kernels/loops/loops.h"
#include "kernels/plane.h"
#include "kernels/window.h"

namespace nasnet::kernels {

// In place of dispatch.cpp: those that every processor of a kind can run.
const Loops& loops() { return plainLoops; }
const Loops& loopsAlong(int64_t) { return plainLoops; }

}  // namespace nasnet::kernels

using namespace nasnet::kernels;

namespace {

std::mt19937 generator(1);
int64_t compared = 0, wrong = 0;
constexpr int64_t room = 64;  // floats that may be read beyond the last one

int64_t between(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }

std::vector<float> normal(int64_t count) {
  std::normal_distribution<float> distribution;
  std::vector<float> numbers(count + room);
  for (float& number : numbers) number = distribution(generator);
  return numbers;
}

/** `scale` is the largest that a sum of terms of this size can be: rounding errors grow with it. */
void near(const std::string& what, double actual, double expected, double scale) {
  ++compared;
  if (std::abs(actual - expected) <= 1e-5 * std::max(1.0, scale)) return;
  if (++wrong <= 10) std::printf("%s: expected %.9g, got %.9g\n", what.c_str(), expected, actual);
}

float extended(uint16_t bits) {
  const uint32_t all = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &all, sizeof(value));
  return value;
}

/** The nearest number in bf16, of two the even one. */
float rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits += 0x7fff + (bits >> 16 & 1);
  return extended(static_cast<uint16_t>(bits >> 16));
}

void products() {
  for (int turn = 0; turn < 60; ++turn) {
    const int64_t rows = between(1, 20), columns = between(1, 70), depth = between(1, 330);
    const bool across = between(0, 1) == 1, add = between(0, 1) == 1, masked = between(0, 1) == 1;
    const auto a = normal(rows * depth), b = normal(depth * columns), mask = normal(rows * columns);
    const auto before = normal(rows * columns);
    auto result = before;
    Product p{a.data(), across ? rows : depth, across, b.data(), columns, result.data(), columns, rows, columns, depth,
              add};
    if (masked) {
      p.mask = mask.data();
      p.maskPitch = columns;
    }
    loops().product(p);
    for (int64_t m = 0; m < rows; ++m) {
      for (int64_t n = 0; n < columns; ++n) {
        double sum = add ? before[m * columns + n] : 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += double(across ? a[k * rows + m] : a[m * depth + k]) * b[k * columns + n];
        if (masked && mask[m * columns + n] <= 0) sum = 0;
        near("product", result[m * columns + n], sum, std::sqrt(double(depth)));
      }
    }
    for (int64_t index = rows * columns; index < rows * columns + room; ++index)
      near("behind the product", result[index], before[index], 0);
  }
}

void pairProducts() {
  for (int turn = 0; turn < 30; ++turn) {
    const int64_t rows = between(1, 12), columns = between(1, 40), depth = between(1, 90), pairs = (depth + 1) / 2;
    const auto a = normal(rows * depth), b = normal(depth * columns);
    std::vector<float> packedA(rows * pairs + room), packedB(pairs * columns + room), result(rows * columns + room);
    loops().packRows({packedA.data(), pairs, a.data(), depth, rows, depth});
    loops().packPairs({packedB.data(), columns, b.data(), columns, depth, columns});
    loops().pairProduct(
        {packedA.data(), pairs, false, packedB.data(), columns, result.data(), columns, rows, columns, pairs, false});
    for (int64_t m = 0; m < rows; ++m) {
      for (int64_t n = 0; n < columns; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k) sum += double(rounded(a[m * depth + k])) * rounded(b[k * columns + n]);
        near("product of pairs", result[m * columns + n], sum, std::sqrt(double(depth)));
      }
    }
  }
}

void rows() {
  for (int turn = 0; turn < 40; ++turn) {
    const int64_t count = between(1, 100);
    const auto from = normal(count), factors = normal(count), input = normal(count);
    const bool relu = between(0, 1) == 1;
    const auto kept = [&](int64_t index) { return relu && from[index] <= 0 ? 0 : from[index]; };
    std::vector<float> to(count + room);
    std::vector<uint16_t> narrow(count + room);
    loops().copy(to.data(), from.data(), count, relu);
    for (int64_t i = 0; i < count; ++i) near("copy", to[i], kept(i), 0);
    loops().copy({narrow.data(), Numbers::bf16}, from.data(), count, relu);
    for (int64_t i = 0; i < count; ++i) near("copy to bf16", extended(narrow[i]), rounded(kept(i)), 0);
    loops().copy(to.data(), {narrow.data(), Numbers::bf16}, count, false);
    for (int64_t i = 0; i < count; ++i) near("copy from bf16", to[i], extended(narrow[i]), 0);
    loops().mask(to.data(), from.data(), input.data(), count);
    for (int64_t i = 0; i < count; ++i) near("mask", to[i], input[i] <= 0 ? 0 : from[i], 0);
    loops().scale(to.data(), from.data(), factors.data(), 0.5f, count);
    for (int64_t i = 0; i < count; ++i) near("scale", to[i], double(from[i]) * factors[i] * 0.5, 1);
    auto sum = input;
    loops().add(sum.data(), from.data(), count);
    for (int64_t i = 0; i < count; ++i) near("add", sum[i], double(input[i]) + from[i], 1);

    const float sign = between(0, 1) == 1 ? 1.0f : -1.0f;
    loops().addScaled(to.data(), from.data(), input.data(), sign, count);
    for (int64_t i = 0; i < count; ++i) near("scaled sum", to[i], double(from[i]) + double(sign) * input[i], 1);
    auto upper = factors, lower = input;
    loops().pairResults({from.data(), factors.data(), upper.data(), nullptr, count});
    loops().pairResults({from.data(), factors.data(), nullptr, lower.data(), count});
    for (int64_t i = 0; i < count; ++i) {
      near("first of a pair", upper[i], double(factors[i]) + (double(from[i]) + factors[i]), 3);
      near("second of a pair", lower[i], double(input[i]) + (double(from[i]) - factors[i]), 3);
    }
    const auto terms = normal(4 * count);
    const std::vector<float> before[] = {normal(count), normal(count), normal(count), normal(count)};
    std::vector<float> after[] = {before[0], before[1], before[2], before[3]};
    loops().pairInputs({terms.data(), count, {after[0].data(), after[1].data(), after[2].data(), after[3].data()}});
    for (int64_t i = 0; i < count; ++i) {
      const double t[] = {terms[i], terms[count + i], terms[2 * count + i], terms[3 * count + i]};
      const double added[] = {t[0], t[1] - t[2] + t[3], t[1] + t[2] - t[0], -t[3]};
      for (int row = 0; row < 4; ++row) near("input of a pair", after[row][i], before[row][i] + added[row], 4);
    }

    const int64_t pixels = between(1, 9), channels = between(1, 30), fromPitch = channels + between(0, 5),
                  toPitch = channels + between(0, 5);
    const auto image = normal(pixels * fromPitch);
    std::vector<float> copied(pixels * toPitch + room, 7);
    loops().copyPixels({copied.data(), toPitch, image.data(), fromPitch, pixels, channels, relu});
    for (int64_t p = 0; p < pixels; ++p) {
      for (int64_t c = 0; c < toPitch; ++c) {
        const float own = c < channels ? image[p * fromPitch + c] : 7;
        near("pixels", copied[p * toPitch + c], relu && own <= 0 ? 0 : own, 0);
      }
    }

    const int64_t other = between(1, 20), both = channels + other;
    auto one = normal(pixels * channels), two = normal(pixels * other);
    const auto [first, second] = std::pair(one, two);
    const Slice slices[] = {{one.data(), channels, channels}, {two.data(), other, other}};
    std::vector<float> whole(pixels * both + room);
    loops().interleave({whole.data(), both, slices, 2, pixels, false});
    for (int64_t p = 0; p < pixels; ++p) {
      for (int64_t c = 0; c < both; ++c)
        near("side by side", whole[p * both + c],
             c < channels ? first[p * channels + c] : second[p * other + c - channels], 0);
    }
    std::fill(one.begin(), one.end(), 0.0f);
    loops().interleave({whole.data(), both, slices, 2, pixels, true});
    for (int64_t i = 0; i < pixels * channels; ++i) near("apart", one[i], first[i], 0);
  }
}

void channels() {
  for (int turn = 0; turn < 30; ++turn) {
    const int64_t channels = between(1, 40), pixels = between(1, 60), count = pixels * channels;
    int64_t period = channels;
    while (period % loops().width != 0) period += channels;
    const auto values = normal(count), gradients = normal(count);
    const auto line = [&] {
      auto own = normal(period);
      for (int64_t place = channels; place < period; ++place) own[place] = own[place - channels];
      return own;
    };
    const auto centres = line(), factors = line(), shifts = line(), gradientFactors = line();
    std::vector<float> sums(period + room), products(period + room), result(count + room);
    const auto check = [&](const char* what, auto term) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        double sum = 0, product = 0, ownSum = 0, ownProduct = 0;
        for (int64_t index = channel; index < count; index += channels) {
          const double own = term(index, channel);
          sum += own;
          product += own * (double(values[index]) - centres[channel]);
        }
        for (int64_t place = channel; place < period; place += channels) {
          ownSum += sums[place];
          ownProduct += products[place];
        }
        near(std::string(what) + ", sum", ownSum, sum, double(pixels));
        near(std::string(what) + ", product", ownProduct, product, 4 * double(pixels));
      }
    };
    loops().channelSums({values.data(), Stored(), count, period, centres.data(), sums.data(), products.data()});
    check("statistics", [&](int64_t index, int64_t channel) { return double(values[index]) - centres[channel]; });
    loops().channelSums({values.data(), gradients.data(), count, period, centres.data(), sums.data(), products.data()});
    check("gradients", [&](int64_t index, int64_t) { return double(gradients[index]); });

    const auto normalised = [&](int64_t index) {
      const int64_t channel = index % channels;
      return (double(values[index]) - centres[channel]) * factors[channel] + shifts[channel];
    };
    const float *c = centres.data(), *f = factors.data(), *s = shifts.data(), *g = gradientFactors.data();
    loops().channelScale({values.data(), Stored(), result.data(), count, period, c, f, s, g, true});
    for (int64_t i = 0; i < count; ++i) near("scaled", result[i], std::max(0.0, normalised(i)), 10);
    loops().channelScale({values.data(), gradients.data(), result.data(), count, period, c, f, s, g, false});
    for (int64_t i = 0; i < count; ++i)
      near("scaled gradient", result[i], normalised(i) + double(gradients[i]) * gradientFactors[i % channels], 10);
    loops().channelMask(
        {values.data(), gradients.data(), result.data(), count, period, c, f, s, sums.data(), products.data()});
    const auto passes = [&](int64_t i) { return normalised(i) > 0 ? double(gradients[i]) : 0.0; };
    for (int64_t i = 0; i < count; ++i)
      if (std::abs(normalised(i)) > 1e-4) near("masked", result[i], passes(i), 0);
    check("masked", [&](int64_t index, int64_t) { return double(result[index]); });
  }
}

void maxima() {
  for (int turn = 0; turn < 20; ++turn) {
    const int64_t channels = between(1, 12), columns = between(1, 9), rows = between(1, 6);
    const int height = static_cast<int>(between(1, 3)), taps = static_cast<int>(between(1, 3)),
              step = static_cast<int>(between(1, 2));
    const int64_t sourceRows = (rows - 1) * step + height, pitch = (columns + taps) * channels,
                  length = columns * channels;
    const auto source = normal(sourceRows * pitch);
    std::vector<ptrdiff_t> offsets;
    for (int tap = 0; tap < taps; ++tap) offsets.push_back(tap * channels);
    const int64_t line = length + loops().width;
    std::vector<float> result(rows * length + room), across(sourceRows * line + room);
    std::vector<unsigned char> places(rows * length + room);
    std::vector<int> acrossPlaces(sourceRows * line + room);
    loops().maximum({source.data(), pitch, sourceRows, result.data(), places.data(), rows, length, height, step, taps,
                     offsets.data(), across.data(), acrossPlaces.data()});
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t j = 0; j < length; ++j) {
        int best = 0;
        const auto at = [&](int place) {
          return source[(y * step + place / taps) * pitch + j + offsets[place % taps]];
        };
        for (int place = 1; place < height * taps; ++place)
          if (at(place) > at(best)) best = place;
        near("maximum", result[y * length + j], at(best), 0);
        near("place of the maximum", places[y * length + j], best, 0);
      }
    }
  }
}

/** One of those that the loops cover. */
Axis axis() {
  constexpr int64_t kernels[] = {1, 2, 3, 5, 7};
  const int64_t kernel = kernels[between(0, 4)];
  Axis own{};
  own.kernel = kernel;
  own.stride = between(1, 2);
  own.dilation = between(1, 2);
  own.before = between(0, kernel - 1);
  own.after = between(0, kernel - 1);
  const int64_t reach = (kernel - 1) * own.dilation + 1;
  own.input = std::max<int64_t>(1, reach - own.before - own.after) + between(0, 9);
  own.result = (own.input + own.before + own.after - reach) / own.stride + 1;
  return own;
}

/** Calls body(result, input, weight) with the places that belong together, in channel 0. */
template <typename Body>
void eachTerm(const Window& w, Body body) {
  for (int64_t y = 0; y < w.rows.result; ++y) {
    for (int64_t x = 0; x < w.columns.result; ++x) {
      for (int64_t k = 0; k < w.rows.kernel; ++k) {
        for (int64_t l = 0; l < w.columns.kernel; ++l) {
          const int64_t row = y * w.rows.stride + k * w.rows.dilation - w.rows.before;
          const int64_t column = x * w.columns.stride + l * w.columns.dilation - w.columns.before;
          if (row < 0 || row >= w.rows.input || column < 0 || column >= w.columns.input) continue;
          body((y * w.columns.result + x) * w.channels, (row * w.columns.input + column) * w.channels,
               k * w.columns.kernel + l);
        }
      }
    }
  }
}

void depthwise() {
  for (int turn = 0; turn < 60; ++turn) {
    const Window w{1, between(1, 40), axis(), axis()};
    const int64_t cells = w.rows.kernel * w.columns.kernel;
    const auto input = normal(w.inputFloats()), weight = normal(w.channels * cells),
               gradient = normal(w.resultFloats());
    Plane plane = inputPlaneForWeights(w);
    plane.put(input.data(), 0, w.rows.input, false);
    const Floats packed = packedDepthwise(w, weight.data());
    std::vector<float> result(w.resultFloats() + room), inputGradient(w.inputFloats() + room),
        scattered(w.inputFloats() + room);
    DepthwiseRows(w, plane, packed.get()).run(plane, 0, w.rows.result, result.data());

    InputGradient back(w, weight.data());
    Plane gradientPlane = back.plane();
    gradientPlane.put(gradient.data(), 0, w.rows.result, false);
    back.run(gradientPlane, inputGradient.data(), scattered.data());
    WeightSums weightSums(w, plane);
    weightSums.add(plane, back.interior(gradientPlane), gradientPlane.pitch());
    std::vector<double> weightGradient(w.channels * cells);
    weightSums.addTo(weightGradient.data());

    std::vector<double> r(w.resultFloats()), i(w.inputFloats()), g(w.channels * cells);
    for (int64_t c = 0; c < w.channels; ++c) {
      eachTerm(w, [&](int64_t to, int64_t from, int64_t cell) {
        r[to + c] += double(input[from + c]) * weight[c * cells + cell];
        i[from + c] += double(gradient[to + c]) * weight[c * cells + cell];
        g[c * cells + cell] += double(gradient[to + c]) * input[from + c];
      });
    }
    for (size_t index = 0; index < r.size(); ++index) near("depthwise", result[index], r[index], 10);
    for (size_t index = 0; index < i.size(); ++index) near("gradient of the input", inputGradient[index], i[index], 10);
    for (size_t index = 0; index < g.size(); ++index)
      near("gradient of the weight", weightGradient[index], g[index], 30);
  }
}

}  // namespace

int main() {
  products();
  pairProducts();
  rows();
  channels();
  maxima();
  depthwise();
  std::printf("%s, vectors of %d: %lld of %lld numbers wrong\n", loops().name, loops().width,
              static_cast<long long>(wrong), static_cast<long long>(compared));
  return wrong == 0 ? 0 : 1;
}
