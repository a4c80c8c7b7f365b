"""Networks of NASNet cells in plain PyTorch, for any architecture of the paper's search space: the competitor in bench/training.ts.

Written from the paper and the released cell's description in the usual way (nn.Sequential, one ReLU per operation); independent
of src/. An architecture is {"normal": cell, "reduction": cell}, a cell {"blocks": [{"inputs": [0, 1], "operations":
["sep_conv_5x5", "sep_conv_3x3"], "combine": "add"}, ...], "output": [...]}; state 0 is the current input, 1 the previous one.
"""
import torch
import torch.nn.functional as F
from torch import nn


def same(size, kernel, stride, dilation=1):
    """Returns the rows that TensorFlow's SAME adds before and after."""
    results = -(-size // stride)
    total = max((results - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class Conv(nn.Conv2d):
    """A convolution with SAME padding on size x size pixels, with built-in padding if it is symmetric."""

    def __init__(self, channels, out, kernel, size, stride=1, dilation=1, groups=1):
        kernel, stride = ((each, each) if isinstance(each, int) else each for each in (kernel, stride))
        rows, columns = (same(size, k, s, dilation) for k, s in zip(kernel, stride))
        symmetric = rows[0] == rows[1] and columns[0] == columns[1]
        padding = (rows[0], columns[0]) if symmetric else 0
        super().__init__(channels, out, kernel, stride, padding, dilation, groups, bias=False)
        self.sides = None if symmetric else (*columns, *rows)

    def forward(self, x):
        return super().forward(x if self.sides is None else F.pad(x, self.sides))


class Pool(nn.Module):
    def __init__(self, kind, kernel, size, stride):
        super().__init__()
        before, after = same(size, kernel, stride)
        ceil = after > before  # ceil_mode adds the extra row after the input
        if kind == "avg":
            self.pool = nn.AvgPool2d(kernel, stride, before, ceil_mode=ceil, count_include_pad=False)
        else:
            self.pool = nn.MaxPool2d(kernel, stride, before, ceil_mode=ceil)

    def forward(self, x):
        return self.pool(x)


class Builder:
    """Builds layers with a network's batch norm settings."""

    def __init__(self, epsilon, momentum):
        self.norm = lambda channels: nn.BatchNorm2d(channels, eps=epsilon, momentum=momentum)

    def projection(self, channels, out):
        """Brings a pool's result, or an output state, to the cell's channels without a ReLU."""
        return nn.Sequential(nn.Conv2d(channels, out, 1, bias=False), self.norm(out))

    def convolution(self, channels, out, kernel, size, stride=1):
        return nn.Sequential(nn.ReLU(), Conv(channels, out, kernel, size, stride), self.norm(out))

    def factorized(self, channels, out, kernel, size, stride):
        return nn.Sequential(
            nn.ReLU(),
            Conv(channels, out, (1, kernel), size, (1, stride)),
            Conv(out, out, (kernel, 1), size, (stride, 1)),
            self.norm(out),
        )

    def dilated(self, channels, out, size, stride):
        depthwise = Conv(channels, channels, 3, size, stride, dilation=2, groups=channels)
        return nn.Sequential(nn.ReLU(), depthwise, nn.Conv2d(channels, out, 1, bias=False), self.norm(out))

    def separable(self, channels, out, kernel, size, stride):
        def half(inputs, size, stride):
            depthwise = Conv(inputs, inputs, kernel, size, stride, groups=inputs)
            return [nn.ReLU(), depthwise, nn.Conv2d(inputs, out, 1, bias=False), self.norm(out)]

        return nn.Sequential(*half(channels, size, stride), *half(out, -(-size // stride), 1))

    def operation(self, name, channels, out, size, stride):
        kernel = int(name[-1]) if name[-1].isdigit() else 1
        if name == "identity":
            if channels == out and stride == 1:
                return nn.Identity()
            return self.convolution(channels, out, 1, size, stride)
        if name == "conv_1x3_3x1":
            return self.factorized(channels, out, 3, size, stride)
        if name == "conv_1x7_7x1":
            return self.factorized(channels, out, 7, size, stride)
        if name == "dil_conv_3x3":
            return self.dilated(channels, out, size, stride)
        if name.startswith("sep_conv"):
            return self.separable(channels, out, kernel, size, stride)
        if name.startswith("conv"):
            return self.convolution(channels, out, kernel, size, stride)
        pool = Pool(name[:3], kernel, size, stride)
        return pool if channels == out else nn.Sequential(pool, *self.projection(channels, out))


class FactorizedReduction(nn.Module):
    def __init__(self, builder, channels, out):
        super().__init__()
        self.first = nn.Conv2d(channels, out // 2, 1, bias=False)
        self.second = nn.Conv2d(channels, out - out // 2, 1, bias=False)
        self.norm = builder.norm(out)

    def forward(self, x):
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.first(x[:, :, ::2, ::2]), self.second(shifted[:, :, ::2, ::2])], 1))


def output_states(cell):
    """Returns the listed states, or the created states that no block reads."""
    read = {state for block in cell["blocks"] for state in block["inputs"]}
    created = range(2, 2 + len(cell["blocks"]))
    return cell.get("output") or [state for state in created if state not in read]


def reads(cell, state):
    return state in output_states(cell) or any(state in block["inputs"] for block in cell["blocks"])


class Cell(nn.Module):
    """current and previous: (channels, size) of the inputs; previous is None in the first cell."""

    def __init__(self, builder, cell, reduction, filters, current, previous):
        super().__init__()
        stride = 2 if reduction else 1
        channels, size = current
        self.begin = builder.convolution(channels, filters, 1, size) if reads(cell, 0) else None
        self.align, width = nn.Identity(), channels
        if previous is not None and reads(cell, 1):
            before, width = previous[0], filters
            if previous[1] != size:
                self.align = FactorizedReduction(builder, before, filters)
            elif before != filters:
                self.align = builder.convolution(before, filters, 1, size)
        self.blocks = cell["blocks"]
        states = [(filters, size), (width, size)]
        self.operations = nn.ModuleList()
        for block in self.blocks:
            for name, state in zip(block["operations"], block["inputs"]):
                self.operations.append(builder.operation(name, states[state][0], filters, states[state][1], stride if state < 2 else 1))
            states.append((filters * (2 if block["combine"] == "concat" else 1), -(-size // stride)))
        self.output = output_states(cell)
        wide = 1 in self.output and width != filters
        self.wide = builder.projection(width, filters) if wide else nn.Identity()
        self.out = (sum(filters if state < 2 else states[state][0] for state in self.output), states[-1][1])

    def forward(self, current, previous):
        begin = None if self.begin is None else self.begin(current)
        states = [begin, self.align(current if previous is None else previous)]
        operations = iter(self.operations)
        for block in self.blocks:
            left, right = (next(operations)(states[state]) for state in block["inputs"])
            states.append(left + right if block["combine"] == "add" else torch.cat([left, right], 1))
        return torch.cat([self.wide(states[state]) if state == 1 else states[state] for state in self.output], 1)


class Auxiliary(nn.Sequential):
    """The auxiliary head on features of size x size pixels."""

    def __init__(self, builder, channels, size, classes):
        pooled = (size - 5) // 3 + 1
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(5, 3),
            nn.Conv2d(channels, 128, 1, bias=False),
            builder.norm(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, pooled, bias=False),
            builder.norm(768),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, classes),
        )


class Network(nn.Module):
    """layout "cifar": a stem of 3F channels; "imagenet": a strided stem of 32 and two reduction cells of F/4 and F/2 filters.

    With an auxiliary head, forward returns its logits too. norm_momentum is the share of a batch in the moving statistics.
    """

    def __init__(self, architecture, layout, repeats, filters, size, classes, auxiliary=False, norm_momentum=None):
        super().__init__()
        imagenet = layout == "imagenet"
        epsilon, momentum = (1e-3, 3e-4) if imagenet else (1e-5, 0.1)
        builder = Builder(epsilon, momentum if norm_momentum is None else norm_momentum)
        channels = 32 if imagenet else 3 * filters
        convolution = nn.Conv2d(3, channels, 3, 2 if imagenet else 1, 0 if imagenet else 1, bias=False)
        self.stem = nn.Sequential(convolution, builder.norm(channels))
        cells = [(True, filters // 4), (True, filters // 2)] if imagenet else []
        for stage in range(3):
            width = filters * 2**stage
            cells += [(True, width)] * (stage > 0) + [(False, width)] * repeats
        previous, current = None, (channels, (size - 1) // 2 if imagenet else size)
        built = []
        for reduction, width in cells:
            cell = architecture["reduction" if reduction else "normal"]
            built.append(Cell(builder, cell, reduction, width, current, previous))
            previous, current = current, built[-1].out
        # Omits cells whose results are not read: an architecture may never read its current input.
        needed = {len(cells)}  # results 1, 2, ... are the cells', 0 is the stem's
        for number in range(len(cells), 0, -1):
            cell = architecture["reduction" if cells[number - 1][0] else "normal"]
            if number in needed:
                needed |= {number - 1} if reads(cell, 0) else set()
                needed |= {max(number - 2, 0)} if reads(cell, 1) else set()
        self.cells = nn.ModuleList(cell if number in needed else None for number, cell in enumerate(built, 1))
        self.classify = nn.Linear(current[0], classes)
        self.second_reduction = len(cells) - repeats - 1  # the auxiliary head reads what this cell reads
        self.auxiliary = Auxiliary(builder, *built[self.second_reduction - 1].out, classes) if auxiliary else None

    def forward(self, x):
        previous, current = None, self.stem(x)
        for number, cell in enumerate(self.cells):
            if number == self.second_reduction:
                features = current
            previous, current = current, None if cell is None else cell(current, previous)
        logits = self.classify(F.relu(current).mean((2, 3)))
        return logits if self.auxiliary is None else (logits, self.auxiliary(features))
