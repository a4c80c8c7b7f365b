"""Runs exported PyTorch files, all in one process: a manifest of jobs on stdin, what came out as JSON on stdout.

A job names a module's file and raw float32 images; with "train" one forward and backward pass in training mode is made and the
buffers and gradients are looked at; with "picture" raw uint8 pixels go through the file's prepare().
"""

import importlib.util
import json
import sys

import torch


def module_of(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(file, dtype, shape):
    with open(file, "rb") as opened:
        return torch.frombuffer(bytearray(opened.read()), dtype=dtype).reshape(shape)


def run(job):
    module = module_of(job["module"])
    if "picture" in job:
        return {"pixels": module.prepare(read(job["picture"], torch.uint8, job["shape"])).flatten().tolist()}
    model = module.load()
    images = read(job["images"], torch.float32, job["shape"])
    result = {"classes": model.classes, "parameters": sum(each.numel() for each in model.parameters())}
    with torch.no_grad():
        result["logits"] = model(images).flatten().tolist()
    if job.get("train"):
        model.train()
        model(images).square().mean().backward()
        result["buffers"] = {name: buffer.tolist() for name, buffer in model.named_buffers()}
        result["unlearned"] = [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()]
        result["fresh"] = list(module.Network(classes=3, dropout=0.5)(images).shape)
    return result


torch.set_num_threads(1)
print(json.dumps([run(job) for job in json.load(sys.stdin)]))
