"""NASNet-A for ImageNet as released, in PyTorch: the graph of TensorFlow-Slim's research/slim/nets/nasnet, written from its
definition alone. It shares no code, plan or list of layers with the product and is slow and plain on purpose: weights are
called by the released variables' names, in TensorFlow's layouts, and made at their first use.
"""

import math

import torch
import torch.nn.functional as F

EPSILON = 1e-3

CONFIGURATIONS = {
    "mobile": {"filters": 44, "cells": 12, "stem": 32, "skip_reduction": False, "size": 224},
    "large": {"filters": 168, "cells": 18, "stem": 96, "skip_reduction": True, "size": 331},
}

# (operation, state it reads) left and right; states 0 = this cell's input, 1 = the one before, 2 … = blocks
NORMAL = [
    (("separable", 5, 0), ("separable", 3, 1)),
    (("separable", 5, 1), ("separable", 3, 1)),
    (("average", 3, 0), ("none", 0, 1)),
    (("average", 3, 1), ("average", 3, 1)),
    (("separable", 3, 0), ("none", 0, 0)),
]
NORMAL_OUTPUT = [1, 2, 3, 4, 5, 6]
REDUCTION = [
    (("separable", 5, 0), ("separable", 7, 1)),
    (("maximum", 3, 0), ("separable", 7, 1)),
    (("average", 3, 0), ("separable", 5, 1)),
    (("none", 0, 3), ("average", 3, 2)),
    (("separable", 3, 2), ("maximum", 3, 0)),
]
REDUCTION_OUTPUT = [3, 4, 5, 6]


class Weights:
    """Variables by their released names; one that is asked for the first time is drawn from the seed."""

    def __init__(self, seed, device="cpu"):
        self.values = {}
        self.device = device
        self.generator = torch.Generator().manual_seed(seed)

    def _new(self, name, shape, make):
        if name not in self.values:
            self.values[name] = torch.empty(shape, device="meta") if self.device == "meta" else make()
        assert list(self.values[name].shape) == list(shape), (name, self.values[name].shape, shape)
        return self.values[name]

    def _normal(self, shape, deviation):
        return torch.randn(shape, generator=self.generator) * deviation

    def _uniform(self, count, low, high):
        return low + (high - low) * torch.rand(count, generator=self.generator)

    def kernel(self, name, shape, fan_in):
        return self._new(name, shape, lambda: self._normal(shape, math.sqrt(2 / fan_in)))

    def vector(self, name, count, deviation):
        return self._new(name, [count], lambda: self._normal([count], deviation))

    def norm(self, name, x):
        """Gamma, beta and moving statistics: those of the activations that come by first, moved off by random amounts."""
        count = x.shape[1]
        spread = lambda: x.var((0, 2, 3)).clamp(min=1e-2)
        return [
            self._new(f"{name}/gamma", [count], lambda: self._uniform(count, 0.7, 1.3)),
            self._new(f"{name}/beta", [count], lambda: self._normal([count], 0.2)),
            self._new(f"{name}/moving_mean", [count],
                      lambda: x.mean((0, 2, 3)) + self._normal([count], 0.2) * spread().sqrt()),
            self._new(f"{name}/moving_variance", [count], lambda: spread() * self._uniform(count, 0.7, 1.4)),
        ]


class Network:
    """`mistake`: None, or one of the mistakes that a port can make, to see that a comparison notices it."""

    MISTAKES = ["symmetric padding", "padding counted in averages", "swapped inputs", "epsilon 1e-5", "swapped halves"]

    def __init__(self, model, weights, classes=1000, mistake=None):
        self.configuration = CONFIGURATIONS[model]
        self.weights = weights
        self.classes = classes
        self.mistake = mistake

    def forward(self, images):
        """images [n, 3, height, width] in [-1, 1] → logits [n, classes]"""
        configuration = self.configuration
        with torch.no_grad():
            kernel = self.weights.kernel("conv0/weights", [3, 3, 3, configuration["stem"]], 27)
            net = F.conv2d(images, kernel.permute(3, 2, 0, 1).contiguous(), stride=2)
            net = self.norm("conv0_bn", net)
            outputs = [None, net]
            for number, scaling in enumerate([4, 2]):
                filters = configuration["filters"] // scaling
                net = self.cell(f"cell_stem_{number}", REDUCTION, REDUCTION_OUTPUT, net, outputs[-2], filters, 2)
                outputs.append(net)

            cells, filters = configuration["cells"], configuration["filters"]
            reductions = [cells // 3, 2 * cells // 3]
            for number in range(cells):
                previous = outputs[-2]
                if number in reductions:
                    filters *= 2
                    scope = f"reduction_cell_{reductions.index(number)}"
                    net = self.cell(scope, REDUCTION, REDUCTION_OUTPUT, net, outputs[-2], filters, 2)
                    outputs.append(net)
                    if not configuration["skip_reduction"]:
                        previous = outputs[-2]
                net = self.cell(f"cell_{number}", NORMAL, NORMAL_OUTPUT, net, previous, filters, 1)
                outputs.append(net)

            pooled = F.relu(net).mean((2, 3))
            matrix = self.weights.kernel("final_layer/FC/weights", [pooled.shape[1], self.classes], pooled.shape[1])
            return pooled @ matrix + self.weights.vector("final_layer/FC/biases", self.classes, 0.1)

    def cell(self, scope, blocks, output, net, previous, filters, stride):
        if previous is None:
            previous = net
        elif previous.shape[3] != net.shape[3]:
            previous = self.factorized_reduction(scope, F.relu(previous), filters)
        elif previous.shape[1] != filters:
            previous = self.norm(f"{scope}/prev_bn", self.pointwise(f"{scope}/prev_1x1/weights", F.relu(previous), filters))
        net = self.norm(f"{scope}/beginning_bn", self.pointwise(f"{scope}/1x1/weights", F.relu(net), filters))
        states = [net, previous]
        if self.mistake == "swapped inputs" and stride == 1:
            states.reverse()
        for number, sides in enumerate(blocks):
            halves = []
            for side, (operation, size, state) in zip(["left", "right"], sides):
                step = stride if state < 2 else 1
                halves.append(self.operation(f"{scope}/comb_iter_{number}/{side}", operation, size, states[state], filters, step))
            states.append(halves[0] + halves[1])
        return torch.cat([states[state] for state in output], 1)

    def operation(self, scope, operation, size, net, filters, stride):
        if operation == "separable":
            for turn in [1, 2]:
                net = self.separable(f"{scope}/separable_{size}x{size}_{turn}", F.relu(net), size, filters, stride)
                net = self.norm(f"{scope}/bn_sep_{size}x{size}_{turn}", net)
                stride = 1
            return net
        if operation == "average":
            return self.average(net, size, stride)
        if operation == "maximum":
            return F.max_pool2d(self.same(net, size, stride, float("-inf")), size, stride)
        assert operation == "none" and stride == 1 and net.shape[1] == filters
        return net

    def average(self, net, size, stride):
        """Over the real pixels under each window."""
        if self.mistake == "padding counted in averages":
            return F.avg_pool2d(self.same(net, size, stride, 0), size, stride)
        real = F.avg_pool2d(self.same(torch.ones_like(net[:1, :1]), size, stride, 0), size, stride)
        return F.avg_pool2d(self.same(net, size, stride, 0), size, stride) / real

    def separable(self, scope, net, size, filters, stride):
        channels = net.shape[1]
        kernel = self.weights.kernel(f"{scope}/depthwise_weights", [size, size, channels, 1], size * size)
        net = F.conv2d(self.same(net, size, stride, 0), kernel.permute(2, 3, 0, 1).contiguous(), stride=stride, groups=channels)
        return self.pointwise(f"{scope}/pointwise_weights", net, filters)

    def pointwise(self, name, net, filters):
        channels = net.shape[1]
        kernel = self.weights.kernel(name, [1, 1, channels, filters], channels)
        return F.conv2d(net, kernel.permute(3, 2, 0, 1).contiguous())

    def factorized_reduction(self, scope, net, filters):
        """Every second pixel from the first, and every second from one further down and right; zeros where there is none."""
        first = self.pointwise(f"{scope}/path1_conv/weights", net[:, :, ::2, ::2], filters // 2)
        second = self.pointwise(f"{scope}/path2_conv/weights", F.pad(net, [0, 1, 0, 1])[:, :, 1::2, 1::2], filters // 2)
        halves = [second, first] if self.mistake == "swapped halves" else [first, second]
        return self.norm(f"{scope}/final_path_bn", torch.cat(halves, 1))

    def norm(self, name, net):
        gamma, beta, mean, variance = [each.reshape(1, -1, 1, 1) for each in self.weights.norm(name, net)]
        epsilon = 1e-5 if self.mistake == "epsilon 1e-5" else EPSILON
        return (net - mean) / (variance + epsilon).sqrt() * gamma + beta

    def same(self, net, size, stride, value):
        """TensorFlow's SAME: as many windows as pixels / stride, rounded up; the odd pixel of padding goes below and right."""
        padding = []
        for length in [net.shape[3], net.shape[2]]:
            total = max((math.ceil(length / stride) - 1) * stride + size - length, 0)
            before = total // 2
            if self.mistake == "symmetric padding":
                before, total = size // 2, 2 * (size // 2)
            padding += [before, total - before]
        return F.pad(net, padding, value=value)
