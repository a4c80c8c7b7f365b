"""$summary

    from $name import load, prepare
    model = load()                        # loads the weights from $name.safetensors in the same folder
    logits = model(prepare(image))        # image: uint8 [3, height, width]; red, green and blue, any size
    print(model.classes[logits.argmax()])

Network() has random weights, Network(classes=5) has five classes; both train like any PyTorch module.
ScheduledDropPath and the auxiliary head, which only nasnet's training uses, are not included.

Requires only torch 1.10 or later. `python3 $name.py` compares its logits with those that nasnet computed.
"""

import json
import sys
from collections import OrderedDict
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

$tables


class Network(nn.Module):
    """Maps normalised images [n, channels, height, width] to logits [n, classes]. Accepts any height and width."""

    def __init__(self, classes=CLASSES, dropout=0.0):
        super().__init__()
        channels, stride, same = STEM
        self.stem = steps(convolution=Convolution(IMAGE[0], channels, 3, same, stride=stride), norm=BatchNorm(channels))
        height, width = (-(-(side if same else side - 2) // stride) for side in IMAGE[1:])
        shapes = {CELLS[0][3][0]: (channels, height, width)}
        for name, table, filters, sources, read in CELLS:
            cell = Cell(table, filters, [shapes.get(source) for source in sources], read)
            shapes.update(results(name, cell.shapes, lambda parts: (sum(part[0] for part in parts), *parts[0][1:])))
            if read:
                self.add_module(name.lower(), cell)
        self.head = steps(
            relu=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(dropout),
            linear=nn.Linear(shapes[name][0], classes),
        )

    def forward(self, images):
        values = {CELLS[0][3][0]: self.stem(images)}
        for name, _, _, sources, read in CELLS:
            if read:
                outputs = getattr(self, name.lower())([values.get(source or sources[0]) for source in sources])
                values.update(results(name, outputs, lambda parts: torch.cat(parts, 1)))
        return self.head(values[name])


def results(name, outputs, join):
    """Returns a cell's results by name: its output states joined, and if it passes them on one by one, also each."""
    single = {f"{name}.{index}": output for index, output in outputs.items()} if PASSES_STATES else {}
    return {name: join(list(outputs.values())), **single}


class Cell(nn.Module):
    """A cell: aligned inputs, blocks, and output states by their index."""

    def __init__(self, table, filters, sources, read):  # sources: shapes (channels, height, width)
        super().__init__()
        self.inputs, self.outputs, stride = len(sources), table["output"], table["stride"]
        self.blocks, size = {}, sources[0][1:]
        live = set(read)
        for state, block in reversed(list(table["blocks"].items())):
            if state in live:
                self.blocks = {state: block, **self.blocks}
                live.update((block[1], block[3]))

        channels = {}  # of each state
        for state, source in enumerate(sources):
            if state in live and source:
                self.add_module(input_name(state), align_input(state, source, (filters, *size)))
            # The first cell has no previous input and uses the current one, unaligned.
            channels[state] = filters if source else sources[0][0]
        for state, (left, a, right, b, combine) in table["blocks"].items():
            channels[state] = 2 * filters if combine == "concat" else filters
            if state in live:
                block = {
                    "left": OPERATIONS[left](channels[a], filters, stride if a < self.inputs else 1),
                    "right": OPERATIONS[right](channels[b], filters, stride if b < self.inputs else 1),
                    "norm": NORMS[combine](filters) if combine in NORMS else nn.Identity(),
                }
                self.add_module(f"block_{state - self.inputs}", nn.ModuleDict(block))

        small = [-(-side // stride) for side in size]
        for state in self.outputs:
            if state < self.inputs:
                aligned = align((channels[state], *size), (filters, *small), relu=False)
                self.add_module(f"output_{state}", aligned)
                channels[state] = filters
        self.shapes = {index: (channels[state], *small) for index, state in enumerate(self.outputs)}
        self.read = [index for index, state in enumerate(self.outputs) if state in read]

    def forward(self, sources):
        states = dict(enumerate(sources))
        for state in range(self.inputs):
            if hasattr(self, input_name(state)):
                states[state] = getattr(self, input_name(state))(states[state])
        for state, (_, a, _, b, combine) in self.blocks.items():
            block = getattr(self, f"block_{state - self.inputs}")
            left, right = block["left"](states[a]), block["right"](states[b])
            states[state] = torch.cat([left, right], 1) if combine == "concat" else block["norm"](left + right)
        outputs = {index: states[self.outputs[index]] for index in self.read}
        for index in self.read:
            if self.outputs[index] < self.inputs:
                outputs[index] = getattr(self, f"output_{self.outputs[index]}")(outputs[index])
        return outputs


def input_name(state):
    return f"input_{state}" if PASSES_STATES else ("current", "previous")[state]


def align_input(state, shape, target):
    """Always projects the first input, the others only if their shape differs; halves states from two reductions before twice."""
    if state == 0:
        return project(shape[0], target[0])
    if not PASSES_STATES:
        return align(shape, target)
    halvings = {}
    while shape[1:] != target[1:]:
        halvings[f"half_{len(halvings) + 1}"] = FactorizedReduction(shape[0], target[0], relu=True)
        shape = (target[0], *(-(-side // 2) for side in shape[1:]))
    return steps(**halvings) if halvings else align(shape, target)


def steps(**modules):
    return nn.Sequential(OrderedDict(modules))


def project(channels, filters, stride=1, relu=True):
    convolved = {"pointwise": Convolution(channels, filters, 1, stride=stride), "norm": BatchNorm(filters)}
    return steps(relu=nn.ReLU(), **convolved) if relu else steps(**convolved)


def align(shape, target, relu=True):
    """Brings a state to the target's channels, height and width."""
    if shape[1:] != target[1:]:
        return FactorizedReduction(shape[0], target[0], relu)
    return nn.Identity() if shape == target else project(shape[0], target[0], relu=relu)


def identity(channels, filters, stride):
    return nn.Identity() if (channels, stride) == (filters, 1) else project(channels, filters, stride)


def convolution(kernel, channels, filters, stride):
    convolved = Convolution(channels, filters, kernel, stride=stride)
    return steps(relu=nn.ReLU(), convolution=convolved, norm=BatchNorm(filters))


def factorised(kernel, channels, filters, stride):
    return steps(
        relu=nn.ReLU(),
        across=Convolution(channels, filters, (1, kernel), stride=(1, stride)),
        down=Convolution(filters, filters, (kernel, 1), stride=(stride, 1)),
        norm=BatchNorm(filters),
    )


def depthwise(kernel, channels, filters, stride, dilation=1):
    return steps(
        relu=nn.ReLU(),
        depthwise=Convolution(channels, channels, kernel, stride=stride, dilation=dilation, groups=channels),
        pointwise=Convolution(channels, filters, 1),
        norm=BatchNorm(filters),
    )


def separable(kernel, channels, filters, stride):
    return steps(
        separable_1=depthwise(kernel, channels, filters, stride), separable_2=depthwise(kernel, filters, filters, 1)
    )


def pool(kind, kernel, channels, filters, stride):
    pooled = {"pool": kind(kernel, stride)}
    if channels == filters:
        return steps(**pooled)
    return steps(**pooled, pointwise=Convolution(channels, filters, 1), norm=BatchNorm(filters))


class Convolution(nn.Conv2d):
    """A convolution without bias, with TensorFlow's SAME padding or none."""

    def __init__(self, channels, filters, kernel, same=True, **options):
        super().__init__(channels, filters, kernel, bias=False, **options)
        self.same = same

    def forward(self, x):
        return super().forward(pad(x, self.kernel_size, self.stride, self.dilation) if self.same else x)


class BatchNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_variance", torch.ones(channels))

    def forward(self, x):
        statistics = self.moving_mean, self.moving_variance
        return F.batch_norm(x, *statistics, self.scale, self.shift, self.training, 1 - DECAY, EPSILON)


class ImageNorm(nn.Module):
    """Normalises to zero mean and unit variance over each image (layer norm) or each of its channels (instance norm)."""

    def __init__(self, whole, epsilon, channels):
        super().__init__()
        self.groups, self.axes, self.epsilon = (1, (1, 2, 3), epsilon) if whole else (channels, (2, 3), epsilon)
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        x = x - x.mean(self.axes, keepdim=True)  # avoids dividing rounding errors of a constant channel by ε
        return F.group_norm(x, self.groups, self.scale, self.shift, self.epsilon)


class MaxPool(nn.Module):
    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = (kernel, kernel), (stride, stride)

    def forward(self, x):
        return F.max_pool2d(pad(x, self.kernel, self.stride, value=float("-inf")), self.kernel, self.stride)


class AveragePool(MaxPool):
    """Divides by the number of pixels under the window; padding does not count."""

    def forward(self, x):
        def mean(values):
            return F.avg_pool2d(pad(values, self.kernel, self.stride), self.kernel, self.stride)

        return mean(x) / mean(torch.ones_like(x[:1, :1]))


class FactorizedReduction(nn.Module):
    """Halves height and width: one half of the channels comes from the even pixels, the other from the odd ones."""

    def __init__(self, channels, filters, relu):
        super().__init__()
        half = filters // 2
        self.relu = relu
        self.even = Convolution(channels, half, 1, stride=2) if half else None
        self.odd = Convolution(channels, filters - half, 1, stride=2)
        self.norm = BatchNorm(filters)

    def forward(self, x):
        x = F.relu(x) if self.relu else x
        odd = self.odd(F.pad(x, (-1, 1, -1, 1)))  # the first row and column cut off, zeros at the bottom and right
        return self.norm(torch.cat([self.even(x), odd], 1) if self.even else odd)


def pad(x, kernel, stride, dilation=(1, 1), value=0.0):
    """TensorFlow's SAME: ceil(size / stride) results; an odd pixel of padding goes to the bottom or right."""
    amounts = []
    for axis in (1, 0):  # F.pad expects the width first
        size = x.shape[2 + axis]
        window = (kernel[axis] - 1) * dilation[axis] + 1
        total = max((-(-size // stride[axis]) - 1) * stride[axis] + window - size, 0)
        amounts += [total // 2, total - total // 2]
    return F.pad(x, amounts, value=value) if any(amounts) else x


OPERATIONS = {
    "identity": identity,
$operations
}
NORMS = {
    "add_layer_norm": partial(ImageNorm, True, LAYER_NORM),
    "add_instance_norm": partial(ImageNorm, False, INSTANCE_NORM),
}


def prepare(image):
    """Converts an image, uint8 [3, height, width], to the network's input, float32 [1, 3, $height, $width]."""
    height, width = image.shape[1:]
    image = image.double()
$framing
    image = image.round().clamp(0, 255).float()[None]
$view    return normalise(image)


def normalise(images):
    """Normalises bytes (0 to 255) [n, 3, height, width] to zero mean and unit deviation."""
    mean, deviation = (torch.tensor(values, device=images.device).reshape(1, -1, 1, 1) for values in (MEAN, DEVIATION))
    return (images - mean) / deviation


def resize(image, height, width):
    return resizing(image.shape[1], height) @ image @ resizing(image.shape[2], width).T


def resizing(size, target):
    """Returns the weight of each old pixel in each new one, [target, size]."""
    scale = size / target
    centres = (torch.arange(target, dtype=torch.float64) + 0.5) * scale - 0.5
    distance = (torch.arange(size) - centres[:, None]).abs()
$weights
    return weights / weights.sum(1, keepdim=True)


def centre(image, height, width):
    top, left = round((image.shape[1] - height) / 2), round((image.shape[2] - width) / 2)  # halves to even, as torchvision
    return image[:, top : top + height, left : left + width]


def load(weights=Path(__file__).with_suffix(".safetensors")):
    """Returns the trained network in evaluation mode on the CPU. `classes` are the names in the order of the logits."""
    tensors, metadata = read_safetensors(weights)
    description = json.loads(metadata["nasnet"])
    model = Network(len(description["classes"]))
    model.load_state_dict(tensors)
    model.classes = description["classes"]
    return model.eval()


def read_safetensors(path):
    """Reads 8 bytes of header length, a JSON header and the elements, which are float32 here."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        elements = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    metadata = header.pop("__metadata__", {})
    spans = {name: [offset // 4 for offset in entry["data_offsets"]] for name, entry in header.items()}
    return {name: elements[a:b].reshape(header[name]["shape"]) for name, (a, b) in spans.items()}, metadata


def check():
    """Prints the difference between this network's logits for a fixed pattern and nasnet's, relative to the largest."""
    model = load()
    channel, y, x = (torch.arange(size) for size in IMAGE)
    pattern = (7 * x * x + (13 * y * y)[:, None] + 3 * y[:, None] * x + (97 * channel)[:, None, None]) % 256
    with torch.no_grad():
        logits = model(normalise(pattern.float()[None]))[0]
    expected = torch.tensor(LOGITS)
    difference = ((logits[: len(expected)] - expected).abs().max() / expected.abs().max()).item()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(model.classes):,} classes")
    print(f"relative difference from nasnet's logits: {difference:.2e}")
    return 0 if difference <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(check())
