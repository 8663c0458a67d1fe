"""Federations: agents that share what they learn, and the charter that decides how."""

from abc import ABC, abstractmethod

from torch import Tensor


class Charter(ABC):
    """Rule that says when the members of a federation meet and whom each listens to.

    A federation joins agents whose learners have the same shape, on any interaction graph.
    Its charter only decides; an exchange carries the decision out on parameters or gradients.
    Every kind keeps these clauses:

    - `convene` is called once per update of the learners, and itself counts to its period;
    - the weights are finite, not negative, and every row sums to one;
    - who does not take part keeps its own: its row and its column are those of the identity;
    - the same returns, in the same state, give the same weights; chance comes from a
      generator given to the constructor;
    - what the charter remembers between calls is part of its `state()`, and `load` restores
      it.
    """

    @abstractmethod
    def convene(self, returns: Tensor) -> Tensor | None:
        """Weights of this meeting, or None where nobody meets.

        Args:
            returns: [M] what each member earned since the last update.

        Returns:
            [M, M] row i holds the weights with which member i listens to all members.
        """

    def state(self) -> dict:
        """What a resumed run needs to know; nothing for a charter without memory."""
        return {}

    def load(self, state: dict) -> None:  # noqa: B027
        """Inverse of `state`."""


class Alone(Charter):
    """No federation: nobody ever meets, so everyone learns alone."""

    def convene(self, returns: Tensor) -> None:
        """Nobody meets."""
        return
