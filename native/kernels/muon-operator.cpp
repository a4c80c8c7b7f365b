// nasnet::muon_step: a step of Muon (Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks") of
// the parameters' own gradients, on the CPU. nn/muon.ts has the same in libtorch's operators, for GPUs.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "loops/loops.h"
#include "numbers.h"
#include "operands.h"
#include "over-images.h"
#include "plane.h"

namespace nasnet::kernels {

namespace {

/** A parameter as a matrix: the first axis and all others, in the order of memory. */
struct Weight {
  float *parameter, *velocity;
  const float* gradient;
  int64_t rows, columns;

  int64_t count() const { return rows * columns; }
  int64_t shorter() const { return std::min(rows, columns); }
  int64_t longer() const { return std::max(rows, columns); }
};

struct Step {
  double rate, momentum;
  int64_t iterations;
};

double normOf(const float* numbers, int64_t count) { return std::sqrt(sumOfSquares(numbers, count)); }

/** to[column][row] = from[row][column] */
void transpose(float* to, const float* from, int64_t rows, int64_t columns) {
  constexpr int64_t together = 16;
  for (int64_t first = 0; first < rows; first += together) {
    const int64_t last = std::min(rows, first + together);
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t row = first; row < last; ++row) to[column * rows + row] = from[row * columns + column];
    }
  }
}

/**
 * Brings the singular values of matrix [longer, shorter] near 1, by Newton-Schulz iterations with the polynomial of
 * Jordan et al.: Y ← Y · (a · I + b · YᵀY + c · (YᵀY)²). other: memory of the same size. Both and what they point to
 * are exchanged by each iteration.
 */
void orthogonalise(float*& matrix, float*& other, int64_t longer, int64_t shorter, int64_t iterations) {
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  const Floats gram(shorter * shorter), factor(shorter * shorter);
  const double norm = normOf(matrix, longer * shorter);
  scaleNumbers(matrix, longer * shorter, static_cast<float>(1 / (norm + 1e-7)));
  const auto multiply = [&](const float* left, bool across, const float* right, float* result, int64_t rows,
                            int64_t depth) {
    loops().product({left, shorter, across, right, shorter, result, shorter, rows, shorter, depth, false});
  };
  for (int64_t iteration = 0; iteration < iterations; ++iteration) {
    float *squares = gram.get(), *polynomial = factor.get();
    multiply(matrix, true, matrix, squares, shorter, longer);
    multiply(squares, false, squares, polynomial, shorter, shorter);
    for (int64_t index = 0; index < shorter * shorter; ++index)
      polynomial[index] = b * squares[index] + c * polynomial[index];
    for (int64_t row = 0; row < shorter; ++row) polynomial[row * (shorter + 1)] += a;
    multiply(matrix, false, polynomial, other, longer, shorter);
    std::swap(matrix, other);
  }
}

void move(const Weight& weight, const Step& step) {
  const auto& [parameter, velocity, gradient, rows, columns] = weight;
  const int64_t count = weight.count();
  const Floats one(count), another(count);
  float *direction = one.get(), *other = another.get();
  const float momentum = static_cast<float>(step.momentum);
  for (int64_t index = 0; index < count; ++index) {
    velocity[index] = momentum * velocity[index] + gradient[index];
    direction[index] = gradient[index] + momentum * velocity[index];
  }
  const bool wide = rows < columns;
  if (wide) {
    transpose(other, direction, rows, columns);
    std::swap(direction, other);
  }
  orthogonalise(direction, other, weight.longer(), weight.shorter(), step.iterations);
  if (wide) {
    transpose(other, direction, columns, rows);
    std::swap(direction, other);
  }
  const double norm = normOf(parameter, count);
  const float share = static_cast<float>(step.rate * norm / std::sqrt(static_cast<double>(weight.shorter())));
  addNumbers(parameter, direction, count, -share);
  const double moved = normOf(parameter, count);
  if (moved != 0) scaleNumbers(parameter, count, static_cast<float>(norm / moved));
}

/** Whether the first axis is the outermost in memory. */
bool isMatrix(const at::Tensor& tensor) {
  return isDense(tensor) && tensor.dim() > 1 && tensor.numel() > 0 &&
         (tensor.size(0) == 1 || tensor.stride(0) * tensor.size(0) == tensor.numel());
}

void muonStep(at::TensorList parameters, at::TensorList velocities, double rate, double momentum, int64_t iterations) {
  checkLists(parameters, velocities);
  std::vector<Weight> weights;
  std::vector<at::Tensor> gradients;  // kept, and those in another layout copied
  for (size_t index = 0; index < parameters.size(); ++index) {
    const at::Tensor &parameter = parameters[index], &velocity = velocities[index];
    at::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    TORCH_CHECK(isMatrix(parameter) && areAlike(velocity, parameter),
                "expected float32 weights and velocities on the CPU whose first axis is the outermost in memory");
    if (!areAlike(gradient, parameter)) gradient = at::empty_like(parameter).copy_(gradient);
    const int64_t rows = parameter.size(0);
    weights.push_back({floatsOf(parameter), floatsOf(velocity), floatsOf(gradient), rows, parameter.numel() / rows});
    gradients.push_back(std::move(gradient));
    for (const at::Tensor* each : {&parameter, &velocity}) each->unsafeGetTensorImpl()->bump_version();
  }
  const auto work = [](const Weight& weight) { return weight.count() * weight.shorter(); };
  // Each thread takes every so many of those in order of their work: the same for any number of threads.
  std::stable_sort(weights.begin(), weights.end(),
                   [&](const Weight& one, const Weight& other) { return work(one) > work(other); });
  const int64_t count = static_cast<int64_t>(weights.size());
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), count);
  overImages(threads, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread)
      for (int64_t index = thread; index < count; index += threads) move(weights[index], {rate, momentum, iterations});
  });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "muon_step(Tensor(a!)[] parameters, Tensor(b!)[] velocities, float rate, float momentum, int iterations) -> ()");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("muon_step", muonStep); }

}  // namespace nasnet::kernels
