"""The contract of a preference: what an agent makes of its rewards."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.settings import Settings


@dataclass(frozen=True, eq=False)
class Income:
    """What one step brought to the M members of a cohort, and to those around them."""

    everyone: Tensor
    """[L, N]: what the rules paid everybody"""
    members: Tensor
    """[M] int64: nodes of the members"""
    moved: Tensor
    """[L, M]: what ledgers moved to them"""
    standing: dict[str, Tensor] = field(default_factory=dict)
    """ledger -> own standing [L, M], for ledgers that the preference names"""
    near: Neighbourhoods | None = None
    """whom they meet; None where the rules of the game are differentiated instead of played"""
    ended: Tensor | None = None
    """[L] bool: lanes whose episode is over"""
    influence: Tensor | None = None
    """[L, M, D]: how much their moves sway their neighbours, for perspectives that tell"""
    progress: float = 0.0
    """share of the planned run that lies behind when this step is over, in [0, 1]"""

    @property
    def rewards(self) -> Tensor:
        """[L, M]: what the rules paid the members."""
        whole = len(self.members) == self.everyone.shape[1]
        return self.everyone if whole else self.everyone[:, self.members]

    @property
    def welfare(self) -> Tensor:
        """[L, 1]: sum of everybody's rewards."""
        return self.everyone.sum(-1, keepdim=True)


class Preference(ABC):
    """Turns rewards into the utility that a cohort's move learner maximises.

    Args:
        config: settings.
        members: M, agents of the cohort.
        agents: N, agents of the world.
        generator: a stream for choices made once, at construction.
    """

    Config: ClassVar[type[Settings]]
    ledgers: ClassVar[tuple[str, ...]] = ()
    """ledgers whose standing it reads"""
    local: ClassVar[bool] = False
    """whether it never looks at the rewards of others"""

    def __init__(
        self, config: Settings, members: int, agents: int, generator: torch.Generator
    ) -> None:
        self.config, self.agents = config, agents

    @abstractmethod
    def utility(self, income: Income) -> Tensor:
        """Utility [L, M] of what one step brought; differentiable in everybody's rewards."""

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know; nothing for a preference without memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


@final
class Selfish(Preference):
    """What the agent itself gets, nothing else."""

    Config = Settings
    local = True

    def utility(self, income: Income) -> Tensor:
        """The own reward and what was moved."""
        return income.rewards + income.moved
