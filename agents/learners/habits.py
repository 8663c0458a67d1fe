"""What somebody does in each state, as far as it was seen: a memory-1 policy by counting."""

import torch
from torch import Tensor


class Habits:
    """Estimates memory-1 policies of K partners from what they did.

    Args:
        slots: K, each with a partner of its own.
        memory: what older observations still count after each `fade`, in [0, 1].
        device: where the counts are.
    """

    def __init__(self, slots: int, memory: float, device: torch.device) -> None:
        self.memory = memory
        self.counts = torch.zeros(slots, 5, 2, device=device)

    def observe(self, state: Tensor, moves: Tensor) -> None:
        """Count ``moves`` [K, B] in the states [K, B, 5] as the partners saw them, one-hot."""
        deeds = torch.stack([moves == 0, moves == 1], -1).to(state.dtype)
        self.counts += state.mT @ deeds

    def fade(self) -> None:
        """Let what was seen count for less: partners learn, too."""
        self.counts *= self.memory

    def logits(self) -> Tensor:
        """Logits [K, 5] of cooperating in s0, CC, CD, DC and DD.

        One cooperation and one defection in every state are counted beforehand (Laplace 1814, the
        rule of succession), so a state that was never seen answers with 1/2.
        """
        cooperated, defected = (self.counts + 1).unbind(-1)
        return cooperated.log() - defected.log()
