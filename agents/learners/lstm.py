"""Long short-term memories of all slots at once (Hochreiter and Schmidhuber 1997, with forget gates).

Per slot: rectified layers, then an LSTM, then a linear head for the logits and one for the value.
Its state is one row: what it gives out, h, then its cells, c.

    [i, f, o] = sigmoid(W [x, h] + b),  g = tanh(W [x, h] + b),  c' = f c + i g,  h' = o tanh(c')

Letters: K slots, P parameters of a slot, X rows, B rows of a round, T rounds, F inputs, W width,
A actions, C codes.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import embedding

from commonweal.agents.learners.multilayer import Perceptrons, affine


class LSTMs(Perceptrons):
    """K independent recurrent actor-critics with one trunk for policy and value.

    Args:
        inputs: F.
        hidden: widths of the rectified layers.
        width: W.
        actions: A.
        slots: K.
        generator: source of the starting weights: orthogonal with gain sqrt(2), in the LSTM and the
            value with 1, in the logits with 0.01; biases are zero.
        device: where the parameters live.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        width: int,
        actions: int,
        slots: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
    ) -> None:
        trunk = (inputs, *hidden)
        widths = {
            "trunk": trunk,
            "gates": (trunk[-1] + width, 4 * width),
            "actor": (width, actions),
            "critic": (width, 1),
        }
        super().__init__(widths, slots, generator, device)
        self.width = width
        for layer in self.layers(self.parameters, "trunk")[-1:]:
            layer.mul_(math.sqrt(2))
        for layer in self.layers(self.parameters, "actor"):
            layer.mul_(0.01)

    def enter(self, parameters: Tensor, x: Tensor) -> Tensor:
        """What inputs ``x`` [K, X, F] add to the gates, with their biases, [K, X, 4 W]."""
        for layer in self.layers(parameters, "trunk"):
            x = torch.relu(affine(layer, x))
        (gates,) = self.layers(parameters, "gates")
        inputs = x.shape[-1]
        return torch.baddbmm(gates[:, -1:], x, gates[:, :inputs])

    def advance(self, parameters: Tensor, entered: Tensor, state: Tensor) -> Tensor:
        """The state [K, B, 2 W] after one step from ``state``, given what ``enter`` made of it."""
        return cell(entered, state, self._recurrent(parameters))

    def unroll(
        self, parameters: Tensor, entered: Tensor, state: Tensor, ended: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All steps from ``state`` [K, B, 2 W], which is forgotten where ``ended`` [T, K, B].

        Returns what was given out, [K, T, B, W], and the states after each step before anything
        was forgotten, [T, K, B, 2 W]; ``entered`` is [K, T, B, 4 W].
        """
        weights, states = self._recurrent(parameters), []
        closing = ended.flatten(1).any(1).tolist()
        for t, step in enumerate(entered.unbind(1)):
            state = cell(step, state, weights)
            states.append(state)
            if closing[t]:
                state = forgotten(state, ended[t])
        states = torch.stack(states)
        return states[..., : self.width].transpose(0, 1), states

    def heads(self, parameters: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [K, X, A] and values [K, X] for what the LSTM gave out, [K, X, W]."""
        (actor,) = self.layers(parameters, "actor")
        return affine(actor, given), self.value(parameters, given)

    def value(self, parameters: Tensor, given: Tensor) -> Tensor:
        """The values alone."""
        (critic,) = self.layers(parameters, "critic")
        return affine(critic, given).squeeze(-1)

    def _recurrent(self, parameters: Tensor) -> Tensor:
        """Weights [K, W, 4 W] of what was given out before."""
        (gates,) = self.layers(parameters, "gates")
        return gates[:, -1 - self.width : -1]


def cell(entered: Tensor, state: Tensor, weights: Tensor) -> Tensor:
    """One step of an LSTM: the next state [K, B, 2 W], h then c.

    Args:
        entered: [K, B, 4 W] what the inputs add: input, forget and output gates, then candidates.
        state: [K, B, 2 W].
        weights: [K, W, 4 W] of h.
    """
    h, c = state.chunk(2, -1)
    gates = torch.baddbmm(entered, h, weights)
    width = c.shape[-1]
    into, keep, out = gates[..., : 3 * width].sigmoid().chunk(3, -1)
    c = torch.addcmul(keep * c, into, gates[..., 3 * width :].tanh())
    return torch.cat((out * c.tanh(), c), -1)


def forgotten(state: Tensor, ended: Tensor) -> Tensor:
    """``state`` [K, B, 2 W], zero where an episode ``ended`` [K, B]."""
    return state.masked_fill(ended.unsqueeze(-1), 0)


def entries(table: Tensor, codes: Tensor) -> Tensor:
    """Rows of ``table`` [K, C, X] at ``codes`` [K, ...], [K, ..., X]; the gradient is quick."""
    slots = torch.arange(len(table), device=codes.device) * table.shape[1]
    places = codes + slots.view(-1, *[1] * (codes.dim() - 1))
    return embedding(places, table.flatten(0, 1))
