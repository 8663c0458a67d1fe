"""Give each part of a simulation its own named stream of randomness from one seed.

Streams with different names are independent, so adding a part that draws from a stream
of its own leaves what every other part draws unchanged.
"""

from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import torch


class Streams:
    """Named random streams, all derived from one seed.

    A stream is made when it is first asked for and is the same object afterwards.
    """

    def __init__(self, seed: int) -> None:
        """Derive all streams from ``seed``, a whole number that is not negative."""
        self.seed = int(seed)
        self._numpy: dict[str, np.random.Generator] = {}
        self._torch: dict[tuple[str, str], torch.Generator] = {}

    def numpy(self, name: str) -> np.random.Generator:
        """Return the NumPy stream called ``name``."""
        if name not in self._numpy:
            self._numpy[name] = np.random.default_rng(self._source(name))
        return self._numpy[name]

    def torch(self, name: str, device: str | torch.device = "cpu") -> torch.Generator:
        """Return the torch stream called ``name`` on ``device``."""
        key = (str(device), name)
        if key not in self._torch:
            seed = int(self._source(name).generate_state(1, np.uint64)[0])
            self._torch[key] = torch.Generator(device=device).manual_seed(seed >> 1)
        return self._torch[key]

    def integer(self, name: str) -> int:
        """Return a fixed seed below 2**31 for a library that wants a whole number."""
        return int(self._source(name).generate_state(1)[0]) >> 1

    def state(self) -> dict[str, Any]:
        """Return the bits of all streams opened so far, as nested plain values and tensors."""
        torch_states: dict[str, dict[str, torch.Tensor]] = {}
        for (device, name), generator in self._torch.items():
            torch_states.setdefault(_key(device), {})[_key(name)] = generator.get_state()
        return {
            "numpy": {_key(name): rng.bit_generator.state for name, rng in self._numpy.items()},
            "torch": torch_states,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Set the streams to a saved ``state``; generators already handed out follow."""
        for key, bits in state.get("numpy", {}).items():
            self.numpy(unquote(key)).bit_generator.state = bits
        for device, generators in state.get("torch", {}).items():
            for key, bits in generators.items():
                self.torch(unquote(key), unquote(device)).set_state(bits)

    def _source(self, name: str) -> np.random.SeedSequence:
        # Python's own hash differs from process to process.
        digest = blake2b(name.encode(), digest_size=8).digest()
        return np.random.SeedSequence([self.seed, int.from_bytes(digest, "big")])


def _key(name: str) -> str:
    """Quote a name: stream names contain "/", which checkpoints use to join keys."""
    return quote(name, safe="")
