"""python3 write_files.py MODEL FOLDER: seeded weights of the released graph in the files that people have, images, and the
logits that the graph gives them; also with mistakes in the graph. With --names: only names and shapes, as JSON on stdout.

keras.safetensors holds Keras's names and layouts, from which the caller makes an .h5 (there is no HDF5 here).
"""

import argparse
import json
import os
import struct

import torch

from foreign_names import to_keras, to_torch, torch_layout
from released_graph import CONFIGURATIONS, Network, Weights


def write_safetensors(path, tensors):
    header, offset, chunks = {}, 0, []
    for name, value in tensors.items():
        data = value.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        chunks.append(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for chunk in chunks:
            file.write(chunk)


def torch_state(values, cells):
    """A state dict as these modules have it: with batch norm's counter of batches."""
    state = torch.nn.modules.module.OrderedDict()
    for name, value in values.items():
        theirs = to_torch(name, cells)
        state[theirs] = torch_layout(name, value).contiguous()
        if theirs.endswith("running_var"):
            state[theirs.replace("running_var", "num_batches_tracked")] = torch.tensor(1000)
    return state


def names(model):
    weights = Weights(0, "meta")
    size = CONFIGURATIONS[model]["size"]
    Network(model, weights).forward(torch.empty(1, 3, size, size, device="meta"))
    cells = CONFIGURATIONS[model]["cells"]
    keras = {to_keras(name, cells): list(value.shape) for name, value in weights.values.items()}
    ports = {name: list(value.shape) for name, value in torch_state(weights.values, cells).items()}
    print(json.dumps({"keras": keras, "torch": ports}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=sorted(CONFIGURATIONS))
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--formats", nargs="*", default=["keras", "safetensors", "zip", "legacy"])
    parser.add_argument("--mistakes", nargs="*", default=[])
    options = parser.parse_args()
    if options.names:
        return names(options.model)

    torch.set_num_threads(options.threads)
    size, cells = CONFIGURATIONS[options.model]["size"], CONFIGURATIONS[options.model]["cells"]
    images = torch.rand(options.images, 3, size, size, generator=torch.Generator().manual_seed(options.seed)) * 2 - 1
    weights = Weights(options.seed)
    results = {"images": images, "logits": Network(options.model, weights, options.classes).forward(images)}
    for mistake in options.mistakes:
        results[mistake] = Network(options.model, weights, options.classes, mistake).forward(images)

    at = lambda name: os.path.join(options.folder, name)
    write_safetensors(at("results.safetensors"), results)
    if "keras" in options.formats:
        write_safetensors(at("keras.safetensors"), {to_keras(name, cells): value for name, value in weights.values.items()})
    state = torch_state(weights.values, cells)
    if "safetensors" in options.formats:
        write_safetensors(at("torch.safetensors"), {name: value for name, value in state.items() if value.dim() > 0})
    if "zip" in options.formats:
        torch.save(state, at("zip.pth"))
    if "legacy" in options.formats:
        torch.save(state, at("legacy.pth"), _use_new_zipfile_serialization=False)


main()
