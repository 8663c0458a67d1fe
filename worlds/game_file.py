"""A differentiable game written by its user: one function in a Python file of one's own.

    # pennies.py
    import torch

    PLAYERS = 2            # optional: how many the game is for
    SIZE = 1               # optional: numbers per action
    LOW, HIGH = -1.0, 1.0  # optional: the window, in place of the settings

    def losses(actions):   # [..., N, SIZE] -> [..., N]
        one, other = actions[..., 0, 0], actions[..., 1, 0]
        return torch.stack((-one * other, one * other), -1)

``payoffs`` in place of ``losses`` is maximised instead.  The function must be twice
differentiable and treat every joint action by itself; both is checked before the game begins.

Without a file this is a small example that any number can play: a public good to which everybody
adds at a cost that grows with the square of its effort,

    r_i = m / n * sum_j a_j - a_i^2 / 2    with m = 0.8,

so that each alone does best at ``m / n`` and all together at ``m``.

======== ==========================================================
agents   as many as the file is for; the example takes any number
actions  ``SIZE`` numbers each, in a window that is not a border
channels opening, own, actions, mean
episode  101 joint actions: the start and 100 moves
======== ==========================================================

Sources: Balduzzi et al. 2018 for games as functions; Keser 1996, Economics Letters 50, for the
example: quadratic private and linear public returns.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from runpy import run_path
from traceback import extract_tb
from typing import Any

from torch import Tensor

from commonweal.errors import BadFile, BadSetting
from commonweal.settings import setting
from commonweal.spaces import WorldSpec
from commonweal.worlds import WORLDS
from commonweal.worlds.differentiable import DifferentiableGame, WindowConfig

BENEFIT = 0.8
"""What the example's public good yields all together per unit of effort."""


@dataclass(frozen=True, kw_only=True)
class GameFileConfig(WindowConfig):
    """Settings of a game from a file."""

    path: str = setting("", "Python file with the function losses or payoffs; empty = an example")
    low: float = setting(-1.0, "least action in the window, unless the file sets LOW")
    high: float = setting(1.0, "greatest action in the window, unless the file sets HIGH")


@WORLDS.register("game_file")
class GameFile(DifferentiableGame):
    """Differentiable game read from a Python file of the user's, or a small example."""

    Config = GameFileConfig
    usual = {
        "agents": 2,
        "network": "complete",
        "lanes": 1,
        "replicates": 1,
        "rounds": 101,
        "record_every": 1,
    }

    def describe(self) -> WorldSpec:
        """What the file says of itself, and the game in it."""
        file = self.config.path
        self.names = _read(file) if file else {"payoffs": _example}
        self.size = _count(file, self.names, "SIZE", 1)
        self.players = _count(file, self.names, "PLAYERS", 0)
        told = {
            key: self.names[key.upper()] for key in ("low", "high") if key.upper() in self.names
        }
        try:
            self.config = replace(self.config, **told)
        except BadSetting as error:
            raise BadFile(f"{file}: LOW or HIGH: {error}") from None
        return super().describe()

    @property
    def label(self) -> str:
        """The world and its file."""
        return f"world game_file: {self.config.path}" if self.config.path else super().label

    def payoffs(self, actions: Tensor) -> Tensor:
        """Rewards [..., N] of joint actions [..., N, size]: those of the file."""
        if "losses" in self.names:
            return -self.names["losses"](actions)
        return self.names["payoffs"](actions)


def _example(actions: Tensor) -> Tensor:
    """A linear public good and quadratic costs (Keser 1996)."""
    effort = actions[..., 0]
    return BENEFIT * effort.mean(-1, keepdim=True) - effort**2 / 2


def _read(path: str) -> dict[str, Any]:
    """The names that a Python file defines, one of which is its game."""
    try:
        # Not imported as a module, whose bytecode would outlive an edit within the same second.
        names = run_path(path, run_name=Path(path).stem)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == path]
        where = f", line {lines[-1]}" if lines else ""
        reason = " ".join(str(error).split())
        raise BadFile(f"{path}{where}: {type(error).__name__}: {reason}") from error
    found = [name for name in ("losses", "payoffs") if callable(names.get(name))]
    if len(found) != 1:
        raise BadFile(
            f"{path}: defines {'both losses and payoffs' if found else 'neither losses nor payoffs'}"
            "; one function of joint actions [..., N, size] to [..., N] is needed"
        )
    return names


def _count(path: str, names: dict[str, Any], name: str, default: int) -> int:
    value = names.get(name, default)
    if name in names and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise BadFile(f"{path}: {name} = {value!r} is not a whole number of at least 1")
    return value
