"""The recipe imagenet-paper in plain PyTorch, written from the released configuration (TensorFlow-Slim's RMSProp, moving
averages and losses); it shares nothing with src/. The network is bench/peers/nasnet_network.py.

Its argument is JSON: {"start": a file of float32 numbers, all parameters in order; "batches": a file with, step by step, the
labels as int32 and the RGB bytes; "architecture", "cells", "filters", "input", "classes", "batch", "steps", "steps_per_epoch",
"rate", "norm_momentum", "threads"} and optionally {"states": a file of float32 numbers, the other side's state before every
"every" steps: parameters, moving statistics, squares, momenta, averages of both; this side goes on from each of them}. Prints one
line of JSON: the losses of the steps without L2, the loss of the averaged network in evaluation on the first batch, and for each
state how far this side was from it, by the distance from the state before: [parameters, averages].
"""
import json
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../bench/peers"))
from nasnet_network import Network  # noqa: E402

SMOOTHING, AUXILIARY, L2, CLIP = 0.1, 0.4, 4e-5, 10
DECAY, MOMENTUM, EPSILON, AVERAGE = 0.9, 0.9, 1.0, 0.9999


class SlimRMSProp:
    """tf.train.RMSPropOptimizer: squares start at 1, epsilon is inside the root, the rate inside the momentum."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.squares = [torch.ones_like(parameter) for parameter in parameters]
        self.momenta = [torch.zeros_like(parameter) for parameter in parameters]

    @torch.no_grad()
    def step(self, rate):
        for parameter, square, momentum in zip(self.parameters, self.squares, self.momenta):
            gradient = parameter.grad + L2 * parameter if parameter.dim() > 1 else parameter.grad
            square.mul_(DECAY).add_((1 - DECAY) * gradient**2)
            momentum.mul_(MOMENTUM).add_(rate * gradient / torch.sqrt(square + EPSILON))
            parameter.sub_(momentum)


def read(path, job):
    """Yields images of -1 to 1 and labels, step by step."""
    batch, size = job["batch"], job["input"]
    with open(path, "rb") as file:
        for _ in range(job["steps"]):
            labels = torch.frombuffer(bytearray(file.read(4 * batch)), dtype=torch.int32).long()
            pixels = torch.frombuffer(bytearray(file.read(3 * batch * size * size)), dtype=torch.uint8)
            yield (pixels.view(batch, size, size, 3).permute(0, 3, 1, 2).float() / 255 - 0.5) * 2, labels


def distance(ones, others):
    return sum(((one - other).double() ** 2).sum().item() for one, other in zip(ones, others)) ** 0.5


def fill(file, tensors):
    """Fills the tensors in order from a file of float32 numbers."""
    with torch.no_grad():
        for tensor in tensors:
            numbers = torch.frombuffer(bytearray(file.read(4 * tensor.numel())), dtype=torch.float32)
            tensor.copy_(numbers.view(tensor.shape))


class States:
    """The other side's states, from which this side goes on."""

    def __init__(self, job, parts):
        self.file, self.every = open(job["states"], "rb"), job["every"]
        self.parts = parts
        self.before = None
        self.drifts = []

    def load(self):
        own = [[tensor.detach().clone() for tensor in part] for part in self.parts]
        for part in self.parts:
            fill(self.file, part)
        loaded = [[tensor.detach().clone() for tensor in part] for part in self.parts]
        if self.before:
            self.drifts.append([distance(own[part], loaded[part]) / distance(loaded[part], self.before[part]) for part in (0, 4)])
        self.before = loaded


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    shape = (job["architecture"], "imagenet", job["cells"], job["filters"], job["input"], job["classes"])
    network = Network(*shape, auxiliary=True, norm_momentum=job["norm_momentum"])
    parameters = list(network.parameters())
    with open(job["start"], "rb") as file:
        fill(file, parameters)
        assert file.read() == b"", "the file has more parameters than the network"
    optimizer = SlimRMSProp(parameters)
    state = {name: value for name, value in network.state_dict().items() if value.is_floating_point()}
    averages = {name: value.clone() for name, value in state.items()}
    named = dict(network.named_parameters())
    buffers = [value for name, value in state.items() if name not in named]
    averaged_parts = [[averages[name] for name in named], [value for name, value in averages.items() if name not in named]]
    states = None
    if "states" in job:
        states = States(job, [parameters, buffers, optimizer.squares, optimizer.momenta, *averaged_parts])
    losses = []
    for step, (images, labels) in enumerate(read(job["batches"], job)):
        if states and step % states.every == 0:
            states.load()
        network.zero_grad()
        logits, auxiliary = network(images)
        loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        (loss + AUXILIARY * F.cross_entropy(auxiliary, labels, label_smoothing=SMOOTHING)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step(job["rate"] * 0.97 ** (step // round(2.4 * job["steps_per_epoch"])))
        decay = min(AVERAGE, (1 + step) / (10 + step))
        for name, average in averages.items():
            average.sub_((1 - decay) * (average - state[name]))
        losses.append(loss.item())
    network.load_state_dict({**network.state_dict(), **averages})
    network.eval()
    images, labels = next(read(job["batches"], job))
    with torch.no_grad():
        averaged = F.cross_entropy(network(images)[0], labels).item()
    print(json.dumps({"losses": losses, "averaged": averaged, "drifts": states.drifts if states else []}))


main()
