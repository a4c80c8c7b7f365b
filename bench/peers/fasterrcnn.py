"""torchvision's Faster R-CNN with ResNet-18 and a feature pyramid: the other side of bench/detection.ts.

Its one argument is JSON: {"size", "batch", "classes", "proposals", "anchor"}; anchor is the smallest one's side. Reads "inference" or "training" from standard input, one a line,
and answers each with the milliseconds of one step. Pictures, boxes and weights are random; norms are frozen.
"""
import json
import sys
import time

import torch
import torchvision
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

job = json.loads(sys.argv[1])
torch.set_num_threads(1)
torch.manual_seed(1)
size, batch = job["size"], job["batch"]
backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5)
sides = tuple((job["anchor"] * 2**level,) for level in range(5))
model = FasterRCNN(
    backbone,
    job["classes"] + 1,
    min_size=size,
    max_size=size,
    rpn_anchor_generator=AnchorGenerator(sides, ((0.5, 1.0, 2.0),) * 5),
    rpn_post_nms_top_n_train=job["proposals"],
    rpn_post_nms_top_n_test=job["proposals"],
)
optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=1e-6, momentum=0.9)
images = [torch.rand(3, size, size) for _ in range(batch)]
corners = torch.tensor([[0.1, 0.1, 0.4, 0.5], [0.5, 0.2, 0.9, 0.6], [0.2, 0.6, 0.5, 0.9]]) * size
targets = [{"boxes": corners, "labels": torch.tensor([1, 2, 3])} for _ in range(batch)]


def inference():
    model.eval()
    with torch.no_grad():
        model(images[:1])


def training():
    model.train()
    optimizer.zero_grad()
    sum(model(images, targets).values()).backward()
    optimizer.step()


steps = {"inference": inference, "training": training}
model.eval()
with torch.no_grad():
    pictures, _ = model.transform(images[:1])
    found, _ = model.rpn(pictures, model.backbone(pictures.tensors))
print(f"{torchvision.__version__}, torch {torch.__version__}, {len(found[0])} proposals", flush=True)
for line in sys.stdin:
    began = time.perf_counter()
    steps[line.strip()]()
    print(1000 * (time.perf_counter() - began), flush=True)
