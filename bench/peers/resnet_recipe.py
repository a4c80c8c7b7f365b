"""Trains the residual network of bench/resnet.ts by the recipe `fast` in plain PyTorch: a contender of bench/budget.ts.

Independent of src/; shares only the images. Its one argument is JSON: {"images": folder, "train", "held_out", "test":
numbers of images, "classes", "side", "mean", "deviation" (of the three colours, 0 to 255), "blocks", "filters",
"epochs", "batch", "rate", "muon": {"rate": as a multiple of it, "iterations"}, "threads", "seed", "border": by how many
pixels images are translated}. The folder has train.bin, held_out.bin and test.bin: uint8 [images, 3, side, side], and
behind them a label a byte. Prints a line of JSON: {"held_out", "test", "seconds" of the training, "epochs"}. With
"checkpoint": path, it saves its state there every minute, and goes on from it. With "probe": steps, it trains so many
steps and prints {"full", "small"}: seconds a step of whole images and of those of half the side. With "compare": folder,
it only takes steps of the job's rate from weights.bin, all parameters in their order, on batches of pixels.bin and
labels.bin, all of them float32, and prints {"losses"}: test/nn/muon-peer.test.ts takes the same steps by src/.
"""
import json
import math
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.shortcut = nn.Identity() if same else nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x):
        inner = F.relu(self.first_norm(self.first(x)), inplace=True)
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    def __init__(self, blocks, filters, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, filters, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(filters)
        layers, channels = [], filters
        for stage in range(3):
            for place in range(blocks):
                outputs = filters * 2**stage
                layers.append(Block(channels, outputs, 2 if stage > 0 and place == 0 else 1))
                channels = outputs
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.head(self.blocks(F.relu(self.stem_norm(self.stem(x)), inplace=True)).mean((2, 3)))


class Muon:
    """Turns weights of convolutions as src/nn/muon.ts does (Jordan et al., 2024), and keeps their norms."""

    def __init__(self, weights, rate, iterations, momentum=0.9):
        self.weights, self.rate, self.iterations, self.momentum = weights, rate, iterations, momentum
        self.velocities = [torch.zeros_like(each) for each in weights]

    @torch.no_grad()
    def step(self, rate):
        torch._foreach_mul_(self.velocities, self.momentum)
        gradients = [each.grad for each in self.weights]
        torch._foreach_add_(self.velocities, gradients)
        for weight, velocity, gradient in zip(self.weights, self.velocities, gradients):
            turn = self.orthogonal((gradient + self.momentum * velocity).flatten(1))
            norm = weight.norm()
            weight.sub_(turn.view_as(weight) * (rate * self.rate * norm / math.sqrt(min(turn.shape))))
            weight.mul_(norm / weight.norm())

    def orthogonal(self, matrix):
        wide = matrix.shape[0] <= matrix.shape[1]
        some = matrix if wide else matrix.T
        some = some / (some.norm() + 1e-7)
        for _ in range(self.iterations):
            gram = some @ some.T
            some = 3.4445 * some + (2.0315 * gram @ gram - 4.775 * gram) @ some
        return some if wide else some.T


class Images:
    def __init__(self, job, name):
        count, side = job[name], job["side"]
        with open(f"{job['images']}/{name}.bin", "rb") as file:
            numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
        self.labels = numbers[-count:].long()
        self.pixels = numbers[:-count].view(count, 3, side, side)
        self.mean, self.deviation = (torch.tensor(job[key]).view(1, 3, 1, 1) for key in ("mean", "deviation"))

    def batch(self, indices):
        pixels = (self.pixels[indices].float() - self.mean) / self.deviation
        return pixels.to(memory_format=torch.channels_last), self.labels[indices]


def translated(pixels, border):
    """Moves every image by up to `border` pixels in both directions, with reflected borders."""
    if border == 0:
        return pixels
    count, channels, side, _ = pixels.shape
    padded = F.pad(pixels, [border] * 4, mode="reflect")
    rows, columns = (torch.randint(0, 2 * border + 1, (count, 1)) + torch.arange(side) for _ in range(2))
    image, channel = torch.arange(count).view(-1, 1, 1, 1), torch.arange(channels).view(1, -1, 1, 1)
    moved = padded[image, channel, rows.view(count, 1, side, 1), columns.view(count, 1, 1, side)]
    return moved.contiguous(memory_format=torch.channels_last)


def accuracy(network, images):
    network.eval()
    with torch.no_grad():
        parts = torch.arange(len(images.labels)).split(500)
        right = 0
        for part in parts:
            pixels, labels = images.batch(part)
            right += (network(pixels).argmax(1) == labels).sum().item()
    network.train()
    return right / len(images.labels)


def losses_from(job, network, learn):
    def numbers(name):
        with open(f"{job['compare']}/{name}.bin", "rb") as file:
            return torch.frombuffer(bytearray(file.read()), dtype=torch.float32)

    parameters = list(network.parameters())
    with torch.no_grad():
        for each, given in zip(parameters, numbers("weights").split([each.numel() for each in parameters])):
            each.copy_(given.view_as(each))
    pixels, labels = numbers("pixels").view(-1, job["batch"], 3, job["side"], job["side"]), numbers("labels").long()
    return [learn(*batch, job["rate"]) for batch in zip(pixels, labels.view(-1, job["batch"]))]


def rate_at(step, steps, peak, warmup=0.2):
    rising = round(warmup * steps)
    return peak * (step + 1) / rising if step < rising else peak * (1 - (step - rising) / (steps - rising))


def main():
    began = time.perf_counter()
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    network = ResNet(job["blocks"], job["filters"], job["classes"]).to(memory_format=torch.channels_last)
    weights = {axes: [each for each in network.parameters() if each.dim() == axes] for axes in (1, 2, 4)}
    muon = Muon(weights[4], **job["muon"])
    groups = [{"params": weights[2], "weight_decay": 5e-4}, {"params": weights[1], "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=job["rate"], momentum=0.9, nesterov=True)

    def learn(pixels, labels, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = F.cross_entropy(network(pixels), labels)
        network.zero_grad(set_to_none=True)  # also of the weights that Muon turns
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        muon.step(rate)
        return loss.item()

    if "compare" in job:
        print(json.dumps({"losses": losses_from(job, network, learn)}))
        return

    train = Images(job, "train")
    count, batch = len(train.labels), job["batch"]
    if "probe" in job:
        def seconds(shrink):
            for step in range(job["probe"] + 2):
                if step == 2:  # the first ones allocate
                    started = time.perf_counter()
                pixels, labels = train.batch(torch.arange(batch) + step * batch)
                learn(F.avg_pool2d(pixels, 2) if shrink else pixels, labels, 0.01)
            return (time.perf_counter() - started) / job["probe"]

        print(json.dumps({"full": seconds(False), "small": seconds(True)}))
        return

    a_epoch = count // batch
    steps = max(1, round(job["epochs"] * a_epoch))
    state = [each for each in network.state_dict().values() if each.is_floating_point()]
    average = [each.clone() for each in state]
    mirrored_first = torch.rand(count) < 0.5
    order = None

    def save(taken):
        saved = {
            **{"job": job, "step": taken, "network": network.state_dict(), "optimizer": optimizer.state_dict()},
            **{"turning": muon.velocities, "average": average, "mirrored_first": mirrored_first, "order": order},
            "random": torch.get_rng_state(),
        }
        torch.save(saved, job["checkpoint"] + ".new")
        os.replace(job["checkpoint"] + ".new", job["checkpoint"])

    first, saved_at = 0, time.perf_counter()
    if os.path.exists(job.get("checkpoint", "")):
        saved = torch.load(job["checkpoint"])
        if saved["job"] == job:
            network.load_state_dict(saved["network"])
            optimizer.load_state_dict(saved["optimizer"])
            muon.velocities = saved["turning"]
            average, mirrored_first, order = saved["average"], saved["mirrored_first"], saved["order"]
            torch.set_rng_state(saved["random"])
            first = saved["step"]
    for step in range(first, steps):
        epoch, place = divmod(step, a_epoch)
        if place == 0:
            order = torch.randperm(count)
        indices = order[place * batch : (place + 1) * batch]
        pixels, labels = train.batch(indices)
        mirrored = mirrored_first[indices] ^ (epoch % 2 == 1)
        pixels = torch.where(mirrored.view(-1, 1, 1, 1), pixels.flip(3), pixels)
        pixels = translated(pixels, job["border"])
        if step / steps < 0.4:
            pixels = F.avg_pool2d(pixels, 2)
        learn(pixels, labels, rate_at(step, steps, job["rate"]))
        share = min(1, max(1 / (0.3 * a_epoch), 9 / (step + 10)))
        torch._foreach_mul_(average, 1 - share)
        torch._foreach_add_(average, state, alpha=share)
        if "checkpoint" in job and time.perf_counter() - saved_at > 60:
            save(step + 1)
            saved_at = time.perf_counter()
    with torch.no_grad():
        for value, mean in zip(state, average):
            value.copy_(mean)
    results = {name: accuracy(network, Images(job, name)) for name in ("held_out", "test")}
    assert all(math.isfinite(value) for value in results.values())
    print(json.dumps({**results, "seconds": time.perf_counter() - began, "epochs": job["epochs"]}))


if __name__ == "__main__":
    main()
