"""An oracle: knows with which probabilities the others move; for tests and for theory.

With it, Kong et al. 2024, matrix games, is what learners do: ``theta_hat = theta``.
"""

from typing import final

from commonweal.agents.perspectives.base import Lens, Perspective
from commonweal.agents.scene import Scene
from commonweal.records import Beliefs


@final
class Exact(Perspective):
    """Reads the policies of the others, exploration included."""

    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """The truth."""
        return Beliefs(scene.truth)
