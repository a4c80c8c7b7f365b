"""Trains, or runs forward, a network of nasnet_network.py in channels_last: PyTorch's process of bench/training.ts.

Reads numbers of steps from standard input, one per line, and answers each with a line of JSON.
Its one argument is JSON: {"mode": "training" | "inference", "threads", "device", "variant", "architecture", "layout", "cells",
"filters", "input", "classes", "batch"} and optionally "start", a file of float32 numbers to start from: all parameters, then
the images. Variants: "eager", "autocast" (bfloat16); on a GPU also "graph" (autocast, the step captured once), "compile"
(autocast, torch.compile) and "compile-graph" (the same with CUDA graphs, mode "reduce-overhead").
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from nasnet_network import Network


def load(path, tensors):
    """Fills the tensors in order from a file of float32 numbers."""
    with open(path, "rb") as file, torch.no_grad():
        for tensor in tensors:
            numbers = torch.frombuffer(bytearray(file.read(4 * tensor.numel())), dtype=torch.float32)
            tensor.copy_(numbers.view(tensor.shape))


def capture(step):
    """Captures the step as one CUDA graph, after three normal steps on another stream."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = step()

    def replay():
        graph.replay()
        return results

    return replay


def main():
    job = json.loads(sys.argv[1])
    device, variant = torch.device(job["device"]), job["variant"]
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    on_gpu = device.type == "cuda"
    torch.backends.cudnn.benchmark = on_gpu  # all steps have one shape
    size, classes, batch = job["input"], job["classes"], job["batch"]
    network = Network(job["architecture"], job["layout"], job["cells"], job["filters"], size, classes)
    images = torch.randn(batch, 3, size, size)
    if "start" in job:
        load(job["start"], [*network.parameters(), images])
    network, images = (each.to(device, memory_format=torch.channels_last) for each in (network, images))
    labels = (torch.arange(batch) % classes).to(device)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=variant != "eager")

    def training_step():
        optimizer.zero_grad(set_to_none=True)
        with autocast:
            loss = F.cross_entropy(forward(images), labels)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        return loss, norm

    def inference_step():
        with torch.no_grad(), autocast:
            return F.cross_entropy(forward(images), labels), None

    if job["mode"] == "inference":
        network.eval()
        step = inference_step
    else:
        kernels = [parameter for parameter in network.parameters() if parameter.dim() > 1]
        others = [parameter for parameter in network.parameters() if parameter.dim() <= 1]
        groups = [{"params": kernels, "weight_decay": 5e-4}, {"params": others}]  # no L2 on biases and batch norm
        fused = {"fused": True} if on_gpu else {}
        optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9, nesterov=True, **fused)
        step = training_step
    modes = {"compile": "default", "compile-graph": "reduce-overhead"}
    forward = torch.compile(network, mode=modes[variant]) if variant in modes else network
    prepared = time.perf_counter()
    if variant == "graph":
        step = capture(step)
    if variant in modes:
        for _ in range(3):  # CUDA graphs are recorded in the second and third
            step()[0].item()
    prepared = time.perf_counter() - prepared  # seconds to compile or capture; 0 otherwise

    parameters = sum(parameter.numel() for parameter in network.parameters())
    hello = {"parameters": parameters, "version": torch.__version__, "prepared": prepared}
    print(json.dumps(hello), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            loss, norm = step()
        loss = loss.item()  # waits for a GPU
        answer = {"seconds": time.perf_counter() - start, "loss": loss}
        if norm is not None:
            answer["norm"] = norm.item()
        if on_gpu:
            answer["deviceMemory"] = torch.cuda.max_memory_reserved() / 2**20
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
