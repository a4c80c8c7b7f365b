#!/usr/bin/env python3
"""An evaluator for `nasnet search --evaluator 'python3 examples/evaluator/evaluator.py'`.

It reads trials as lines of JSON and answers rewards (docs/evaluator.md). Python's standard library is all it needs: the
training is simulated. To use it for real, put your framework's training into train() and leave the rest as it is.
"""

import argparse
import json
import math
import random
import sys
import threading
import time
from queue import Queue


def main():
    options = parse_options()
    answer({"hello": {"protocol": 1, "name": "examples/evaluator"}})
    requests = Queue()
    cancelled = set()
    threading.Thread(target=read_requests, args=(requests, cancelled), daemon=True).start()
    while (request := requests.get()) is not None:
        id = request["id"]
        try:
            for report in train(request, options):
                if id in cancelled:
                    raise Cancelled("cancelled")
                answer({"id": id, **report})
                if options.verbose and "reward" in report:
                    print(f"trial {request['trial']}: {report['reward']:.3f}", file=sys.stderr, flush=True)
        except Exception as error:  # a trial that fails must not end the evaluator
            answer({"id": id, "failure": {"kind": type(error).__name__, "message": str(error) or "no reason given"}})


class Cancelled(Exception):
    pass


def read_requests(requests, cancelled):
    """Runs in a separate thread, so that a cancellation is noticed while a trial trains."""
    for line in sys.stdin:
        message = json.loads(line)
        if "cancel" in message:
            cancelled.add(message["cancel"])
        elif "id" in message:
            requests.put(message)
    requests.put(None)  # the end of the input: nasnet needs no more


def answer(message):
    print(json.dumps(message, allow_nan=False), flush=True)  # stdout is for answers; print everything else to stderr


def train(request, options):
    """Yields the epochs one after the other, then the reward. Replace this with your own training."""
    noise = random.Random(request["seed"])  # the same trial gives the same reward, also after a kill
    quality = simulated_quality(request["architecture"]) + noise.gauss(0, 0.005)
    reward = min(1.0, max(0.0, quality))
    for epoch in range(1, options.epochs + 1):
        time.sleep(random.uniform(0, 2 * options.delay))  # how long it takes changes nothing
        learned = 1 - math.exp(-2 * epoch / options.epochs)
        yield {"epoch": {"epoch": epoch, "loss": 2.3 * (1 - learned * reward), "accuracy": learned * reward}}
    yield {"reward": reward, "details": {"epochs": options.epochs}}


# The score of each operation. Separable convolutions are the best in the paper, too; pooling alone learns nothing.
WORTH = {
    "identity": 0.3,
    "avg_pool_3x3": 0.2,
    "max_pool_3x3": 0.25,
    "max_pool_5x5": 0.15,
    "max_pool_7x7": 0.1,
    "conv_1x1": 0.4,
    "conv_3x3": 0.6,
    "conv_1x3_3x1": 0.5,
    "conv_1x7_7x1": 0.5,
    "dil_conv_3x3": 0.55,
    "sep_conv_3x3": 0.9,
    "sep_conv_5x5": 1.0,
    "sep_conv_7x7": 0.85,
}


def simulated_quality(architecture):
    """Returns 0.1 (chance) to about 0.95: higher for good operations, varied blocks, and cells that use their states."""
    return 0.1 + 0.85 * (0.6 * cell_quality(architecture["normal"]) + 0.4 * cell_quality(architecture["reduction"]))


def cell_quality(cell):
    blocks = cell["blocks"]
    worths = [WORTH[name] for block in blocks for name in block["operations"]]
    varied = len({tuple(block["operations"]) for block in blocks}) / len(blocks)
    two_inputs = sum(block["inputs"][0] != block["inputs"][1] for block in blocks) / len(blocks)
    return 0.7 * sum(worths) / len(worths) + 0.15 * varied + 0.15 * two_inputs


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--verbose", action="store_true", help="a line on stderr for every trial")
    parser.add_argument("--delay", type=float, default=0.01, help="mean seconds of a simulated epoch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
