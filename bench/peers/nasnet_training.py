"""NASNet-A (N = 2, F = 24) for CIFAR-10 in plain PyTorch, trained eagerly in channels_last: the peer of bench/training.ts.

Written from the published cell alone and in the usual way (nn.Sequential, one ReLU per operation); shares no code with src/.
Reads numbers of steps from standard input, one a line; answers each with a line of JSON.
Arguments: threads, N, F, batch, and optionally a file of float32 numbers to start from: all parameters, then the images.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Separable(nn.Sequential):
    def __init__(self, channels, out, kernel, stride):
        def half(inputs, stride):
            same_pad = SamePad(kernel, stride)
            padding = 0 if stride == 2 else kernel // 2
            return [
                nn.ReLU(),
                *([same_pad] if stride == 2 else []),
                nn.Conv2d(inputs, inputs, kernel, stride, padding, groups=inputs, bias=False),
                nn.Conv2d(inputs, out, 1, bias=False),
                nn.BatchNorm2d(out, eps=1e-5, momentum=0.1),
            ]

        super().__init__(*half(channels, stride), *half(out, 1))


class SamePad(nn.Module):
    """TensorFlow's SAME for stride 2 on an even size: the odd cell goes to the bottom and right."""

    def __init__(self, kernel, stride):
        super().__init__()
        total = kernel - stride
        self.sides = (total // 2, total - total // 2) * 2

    def forward(self, x):
        return F.pad(x, self.sides)


class Pointwise(nn.Sequential):
    def __init__(self, channels, out, stride=1):
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, out, 1, stride, bias=False),
            nn.BatchNorm2d(out, eps=1e-5, momentum=0.1),
        )


class Projection(nn.Sequential):
    """Brings a pool's result, or a state on its way out of the cell, to the cell's channels: no ReLU here."""

    def __init__(self, channels, out):
        super().__init__(nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out, eps=1e-5, momentum=0.1))


class FactorizedReduction(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.first = nn.Conv2d(channels, out // 2, 1, bias=False)
        self.second = nn.Conv2d(channels, out - out // 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=1e-5, momentum=0.1)

    def forward(self, x):
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.first(x[:, :, ::2, ::2]), self.second(shifted[:, :, ::2, ::2])], 1))


class Pool(nn.Module):
    def __init__(self, kind, channels, out, stride):
        super().__init__()
        # For stride 2 on an even size SAME pads nothing in front and one cell behind, which ceil_mode does.
        padding = 1 if stride == 1 else 0
        ceil = stride == 2
        if kind == "avg":
            self.pool = nn.AvgPool2d(3, stride, padding, ceil_mode=ceil, count_include_pad=False)
        else:
            self.pool = nn.MaxPool2d(3, stride, padding, ceil_mode=ceil)
        self.match = Projection(channels, out) if channels != out else nn.Identity()

    def forward(self, x):
        return self.match(self.pool(x))


NORMAL = [  # (operation, input) twice, for the new states 2, 3, …
    [("sep5", 0), ("sep3", 1)],
    [("sep5", 1), ("sep3", 1)],
    [("avg", 0), ("id", 1)],
    [("avg", 1), ("avg", 1)],
    [("sep3", 0), ("id", 0)],
]
REDUCTION = [
    [("sep5", 0), ("sep7", 1)],
    [("max", 0), ("sep7", 1)],
    [("avg", 0), ("sep5", 1)],
    [("id", 3), ("avg", 2)],
    [("sep3", 2), ("max", 0)],
]
OUTPUT = {False: [1, 2, 3, 4, 5, 6], True: [3, 4, 5, 6]}


def operation(name, channels, filters, stride):
    if name.startswith("sep"):
        return Separable(channels, filters, int(name[3:]), stride)
    if name == "id":
        return nn.Identity() if channels == filters and stride == 1 else Pointwise(channels, filters, stride)
    return Pool(name, channels, filters, stride)


class Cell(nn.Module):
    def __init__(self, current, previous, filters, reduction, previous_is_larger):
        super().__init__()
        self.reduction = reduction
        self.begin = Pointwise(current, filters)
        if previous is None:
            self.align, previous = nn.Identity(), current
        elif previous_is_larger:
            self.align, previous = FactorizedReduction(previous, filters), filters
        elif previous != filters:
            self.align, previous = Pointwise(previous, filters), filters
        else:
            self.align = nn.Identity()
        channels = {0: filters, 1: previous}
        self.blocks = REDUCTION if reduction else NORMAL
        self.operations = nn.ModuleList()
        for number, block in enumerate(self.blocks):
            for name, state in block:
                stride = 2 if reduction and state < 2 else 1
                self.operations.append(operation(name, channels[state], filters, stride))
            channels[number + 2] = filters
        self.wide = Projection(channels[1], filters) if not reduction and channels[1] != filters else nn.Identity()

    def forward(self, current, previous):
        states = [self.begin(current), self.align(current if previous is None else previous)]
        operations = iter(self.operations)
        for block in self.blocks:
            left, right = (next(operations)(states[state]) for _, state in block)
            states.append(left + right)
        if not self.reduction:
            states[1] = self.wide(states[1])
        return torch.cat([states[state] for state in OUTPUT[self.reduction]], 1)


class Network(nn.Module):
    def __init__(self, repeats, filters, classes):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 3 * filters, 3, padding=1, bias=False), nn.BatchNorm2d(3 * filters, eps=1e-5, momentum=0.1)
        )
        self.cells = nn.ModuleList()
        previous, current, larger = None, 3 * filters, False
        for stage in range(3):
            width = filters * 2**stage
            kinds = [False] * repeats + ([True] if stage < 2 else [])
            for reduction in kinds:
                cell_width = 2 * width if reduction else width
                self.cells.append(Cell(current, previous, cell_width, reduction, larger))
                previous, current, larger = current, cell_width * (4 if reduction else 6), reduction
        self.classify = nn.Linear(current, classes)

    def forward(self, x):
        previous, current = None, self.stem(x)
        for cell in self.cells:
            previous, current = current, cell(current, previous)
        return self.classify(F.relu(current).mean((2, 3)))


def load(path, tensors):
    """Fills tensors, one after the other, from a file of float32 numbers."""
    with open(path, "rb") as file, torch.no_grad():
        for tensor in tensors:
            numbers = torch.frombuffer(bytearray(file.read(4 * tensor.numel())), dtype=torch.float32)
            tensor.copy_(numbers.view(tensor.shape))


def main():
    threads, repeats, filters, batch = (int(word) for word in sys.argv[1:5])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = Network(repeats, filters, 10)
    images = torch.randn(batch, 3, 32, 32)
    if len(sys.argv) > 5:
        load(sys.argv[5], [*network.parameters(), images])
    network, images = (each.to(memory_format=torch.channels_last) for each in (network, images))
    labels = torch.arange(batch) % 10
    kernels = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in network.parameters() if parameter.dim() <= 1]
    groups = [{"params": kernels, "weight_decay": 5e-4}, {"params": others}]  # no L2 on biases and batch norm
    optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9, nesterov=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        return loss.item()

    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(json.dumps({"parameters": parameters, "version": torch.__version__}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            loss = step()
        print(json.dumps({"seconds": time.perf_counter() - start, "loss": loss}), flush=True)


if __name__ == "__main__":
    main()
