"""Rewrite the golden traces: ``python -m tests.golden``, then look at the difference."""

from pathlib import Path

import torch

from tests.golden.traces import TRACES, text

if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in TRACES:
        path = Path(__file__).with_name(f"{name}.txt")
        path.write_text(text(name))
        print(path)
