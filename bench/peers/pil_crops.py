# Random crops of 224 pixels with PIL and torchvision, as their ImageNet example makes them, in one process.
# Prints pictures a second of processor time. Run: python3 pil_crops.py FOLDER SECONDS COLOUR

import sys
import time

import numpy
import torch
from torchvision import datasets, transforms

torch.set_num_threads(1)
folder, seconds, colour = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "colour"
changes = [
    transforms.RandomResizedCrop(224, scale=(0.1, 1.0), ratio=(3 / 4, 4 / 3)),
    transforms.RandomHorizontalFlip(),
    *([transforms.ColorJitter(brightness=32 / 255, saturation=0.5)] if colour else []),
]
pictures = datasets.ImageFolder(folder, transforms.Compose(changes))
batch = numpy.empty((64, 224, 224, 3), dtype=numpy.uint8)


def epoch():
    for place, number in enumerate(torch.randperm(len(pictures)).tolist()):
        batch[place % 64] = numpy.asarray(pictures[number][0])


epoch()  # files into memory
start, epochs = time.process_time(), 0
while time.process_time() - start < seconds:
    epoch()
    epochs += 1
print(epochs * len(pictures) / (time.process_time() - start))
