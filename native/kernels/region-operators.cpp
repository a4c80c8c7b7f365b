// nasnet::roi_align and nasnet::crop_and_resize: a region of each box, of every image in one call. Our loops on the CPU
// in float32 and float64; elsewhere grid samples of libtorch. Boxes get no gradient.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "loops/loops.h"
#include "operands.h"
#include "regions.h"

namespace nasnet::kernels {

namespace {

using Context = torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void checkRegions(const at::Tensor& images, const at::Tensor& boxes, const at::Tensor& places, at::IntArrayRef size) {
  TORCH_CHECK(images.dim() == 4, "expected images [n, channels, height, width], got ", images.dim(), " axes");
  TORCH_CHECK(images.size(2) > 0 && images.size(3) > 0, "expected images with pixels");
  TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4, "expected boxes [regions, 4]");
  TORCH_CHECK(places.dim() == 1 && places.size(0) == boxes.size(0) && places.scalar_type() == at::kLong,
              "expected the image of each box, int64 [", boxes.size(0), "]");
  if (places.numel() > 0) {
    const int64_t least = places.min().item<int64_t>(), most = places.max().item<int64_t>();
    TORCH_CHECK(least >= 0 && most < images.size(0), "expected images from 0 to ", images.size(0) - 1, ", got ",
                least < 0 ? least : most);
  }
  TORCH_CHECK(size.size() == 2 && size[0] > 0 && size[1] > 0, "expected two sizes of at least 1");
}

/** Samples along one axis from a box's two coordinates. */
using SamplesOf = Samples (*)(double low, double high, int64_t pixels, int64_t cells, double scale, int64_t sampling);

/** Half a pixel is the centre of the first one; samples lie in the middles of equal parts of each cell. */
Samples alignedSamples(double low, double high, int64_t, int64_t cells, double scale, int64_t sampling) {
  const double step = (high - low) * scale / static_cast<double>(cells * sampling);
  return {low * scale - 0.5 + step / 2, step, cells * sampling};
}

/** From the first to the last pixel of the box, both included; 0 and 1 are the centres of the image's outer pixels. */
Samples cropSamples(double low, double high, int64_t pixels, int64_t cells, double, int64_t) {
  const double last = static_cast<double>(pixels - 1);
  if (cells == 1) return {(low + high) / 2 * last, 0, 1};
  return {low * last, (high - low) * last / static_cast<double>(cells - 1), cells};
}

struct Kind {
  SamplesOf samplesOf;
  Outside outside;
};
constexpr Kind roiAlignKind{alignedSamples, Outside::clamped}, cropKind{cropSamples, Outside::zero};

struct Grid {
  std::vector<Region> regions;
  RegionShape shape;
};

Grid gridOf(const Kind& kind, at::IntArrayRef images, const at::Tensor& boxes, const at::Tensor& places,
            at::IntArrayRef size, double scale, int64_t sampling) {
  const at::Tensor corners = boxes.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor numbers = places.to(at::kCPU).contiguous();
  const double* const corner = corners.data_ptr<double>();
  const int64_t* const image = numbers.data_ptr<int64_t>();
  Grid grid{{}, {images[2], images[3], images[1], size[0], size[1], sampling, kind.outside}};
  for (int64_t index = 0; index < corners.size(0); ++index) {
    const double* const box = corner + 4 * index;
    grid.regions.push_back({image[index], kind.samplesOf(box[1], box[3], images[2], size[0], scale, sampling),
                            kind.samplesOf(box[0], box[2], images[3], size[1], scale, sampling)});
  }
  return grid;
}

struct SampleRegions : torch::autograd::Function<SampleRegions> {
  static at::Tensor forward(Context* context, const at::Tensor& images, const at::Tensor& boxes,
                            const at::Tensor& places, const std::vector<int64_t>& numbers, double scale) {
    const at::Tensor from = images.contiguous(at::MemoryFormat::ChannelsLast);
    const Grid grid = gridOf(numbers[3] ? cropKind : roiAlignKind, from.sizes(), boxes, places,
                             {numbers[0], numbers[1]}, scale, numbers[2]);
    at::Tensor result = emptyImages(from, {boxes.size(0), from.size(1), numbers[0], numbers[1]});
    if (from.scalar_type() == at::kFloat)
      sampleRegions(grid.shape, grid.regions, from.data_ptr<float>(), result.data_ptr<float>());
    else sampleRegions(grid.shape, grid.regions, from.data_ptr<double>(), result.data_ptr<double>());
    context->save_for_backward({boxes, places});
    context->saved_data["images"] = from.sizes().vec();
    context->saved_data["numbers"] = numbers;
    context->saved_data["scale"] = scale;
    return result;
  }

  static variable_list backward(Context* context, variable_list outer) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "the gradient of a gradient is not there for regions");
    const variable_list saved = context->get_saved_variables();
    const std::vector<int64_t> numbers = context->saved_data["numbers"].toIntVector();
    const std::vector<int64_t> images = context->saved_data["images"].toIntVector();
    const Grid grid = gridOf(numbers[3] ? cropKind : roiAlignKind, images, saved[0], saved[1], {numbers[0], numbers[1]},
                             context->saved_data["scale"].toDouble(), numbers[2]);
    const at::Tensor gradient = outer[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor found = emptyImages(gradient, images).zero_();
    if (gradient.scalar_type() == at::kFloat)
      sampleRegionsGradient(grid.shape, grid.regions, gradient.data_ptr<float>(), found.data_ptr<float>());
    else sampleRegionsGradient(grid.shape, grid.regions, gradient.data_ptr<double>(), found.data_ptr<double>());
    return {found, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/** Coordinates of all samples along one axis, [regions, samples], in pixels. */
at::Tensor placesAlong(const Kind& kind, const at::Tensor& low, const at::Tensor& high, int64_t pixels, int64_t cells,
                       double scale, int64_t sampling) {
  const at::Tensor one = low.unsqueeze(1), other = high.unsqueeze(1);
  const Samples at0 = kind.samplesOf(0, 0, pixels, cells, scale, sampling);
  const Samples at1 = kind.samplesOf(1, 0, pixels, cells, scale, sampling);
  const Samples at2 = kind.samplesOf(0, 1, pixels, cells, scale, sampling);
  // A sample's place is linear in both coordinates.
  const at::Tensor index = at::arange(at0.count, low.options());
  const at::Tensor ofLow = (at1.first - at0.first) + (at1.step - at0.step) * index;
  const at::Tensor ofHigh = (at2.first - at0.first) + (at2.step - at0.step) * index;
  return one * ofLow + other * ofHigh + at0.first;
}

/** All regions of an image in one grid, so that the image is not copied for each. */
at::Tensor composedRegions(const Kind& kind, const at::Tensor& images, const at::Tensor& boxes,
                           const at::Tensor& places, at::IntArrayRef size, double scale, int64_t sampling) {
  const int64_t height = images.size(2), width = images.size(3);
  const bool wide = images.scalar_type() == at::kDouble || images.scalar_type() == at::kFloat;
  const at::Tensor from = wide ? images : images.to(at::kFloat);
  const at::Tensor corners = boxes.detach().to(from.scalar_type());
  const at::Tensor y = placesAlong(kind, corners.select(1, 1), corners.select(1, 3), height, size[0], scale, sampling);
  const at::Tensor x = placesAlong(kind, corners.select(1, 0), corners.select(1, 2), width, size[1], scale, sampling);
  const auto inside = [&](const at::Tensor& place, int64_t pixels) {
    return kind.outside == Outside::clamped ? (place >= -1).logical_and(place <= pixels)
                                            : (place >= -rounding).logical_and(place <= pixels - 1 + rounding);
  };
  const int64_t rows = y.size(1), columns = x.size(1), regions = boxes.size(0), channels = images.size(1);
  const at::Tensor valid = inside(y, height).unsqueeze(2).logical_and(inside(x, width).unsqueeze(1));
  const at::Tensor grid = at::stack({((2 * x + 1) / width - 1).unsqueeze(1).expand({regions, rows, columns}),
                                     ((2 * y + 1) / height - 1).unsqueeze(2).expand({regions, rows, columns})},
                                    3);  // [regions, rows, columns, 2]
  at::Tensor result = at::zeros({regions, channels, size[0], size[1]}, from.options());
  for (int64_t image = 0; image < images.size(0); ++image) {
    const at::Tensor own = (places == image).nonzero().squeeze(1);
    if (own.numel() == 0) continue;
    const at::Tensor sampled = at::grid_sampler_2d(
        from.narrow(0, image, 1), grid.index_select(0, own).reshape({1, own.size(0) * rows, columns, 2}), 0, 1, false);
    const at::Tensor masked =
        sampled.reshape({channels, own.size(0), rows, columns}) * valid.index_select(0, own).to(from.scalar_type());
    const at::Tensor cells =
        masked.reshape({channels, own.size(0), size[0], sampling, size[1], sampling}).mean({3, 5}).transpose(0, 1);
    result = result.index_add(0, own, cells);
  }
  return wide ? result : result.to(images.scalar_type());
}

bool isLooped(const at::Tensor& images) { return !kernelsOff() && (isFloats(images) || isOurs(images, at::kDouble)); }

at::Tensor composedRoiAlign(const at::Tensor& images, const at::Tensor& boxes, const at::Tensor& places,
                            at::IntArrayRef size, double scale, int64_t sampling) {
  checkRegions(images, boxes, places, size);
  return composedRegions(roiAlignKind, images, boxes, places, size, scale, sampling);
}

at::Tensor roiAlign(const at::Tensor& images, const at::Tensor& boxes, const at::Tensor& places, at::IntArrayRef size,
                    double scale, int64_t sampling) {
  checkRegions(images, boxes, places, size);
  TORCH_CHECK(sampling > 0, "expected at least one sample a side, got ", sampling);
  if (!isLooped(images)) return composedRegions(roiAlignKind, images, boxes, places, size, scale, sampling);
  return SampleRegions::apply(images, boxes, places, std::vector<int64_t>{size[0], size[1], sampling, 0}, scale);
}

at::Tensor composedCrop(const at::Tensor& images, const at::Tensor& boxes, const at::Tensor& places,
                        at::IntArrayRef size) {
  checkRegions(images, boxes, places, size);
  return composedRegions(cropKind, images, boxes, places, size, 1, 1);
}

at::Tensor crop(const at::Tensor& images, const at::Tensor& boxes, const at::Tensor& places, at::IntArrayRef size) {
  checkRegions(images, boxes, places, size);
  if (!isLooped(images)) return composedRegions(cropKind, images, boxes, places, size, 1, 1);
  return SampleRegions::apply(images, boxes, places, std::vector<int64_t>{size[0], size[1], 1, 1}, 1.0);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def(
      "roi_align(Tensor images, Tensor boxes, Tensor places, int[2] size, float scale, int sampling) -> Tensor");
  library.def("crop_and_resize(Tensor images, Tensor boxes, Tensor places, int[2] size) -> Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) {
  library.impl("roi_align", composedRoiAlign);
  library.impl("crop_and_resize", composedCrop);
}
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) {
  library.impl("roi_align", roiAlign);
  library.impl("crop_and_resize", crop);
}

}  // namespace nasnet::kernels
