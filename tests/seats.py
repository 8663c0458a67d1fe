"""Seats for minds that sit in no society, and steps for them to remember."""

import torch

from commonweal.agents.learners.base import Company, Note, Seat
from commonweal.records import Experience, Outcome, Percept


def seat(inputs, actions=2, slots=3, lanes=2, neighbours=1, replicates=1, others=0, seed=0) -> Seat:
    """A seat among members alone, or also ``others`` whom somebody else looks after."""
    members = slots // replicates
    return Seat(
        inputs,
        actions,
        slots,
        lanes,
        neighbours,
        torch.Generator().manual_seed(seed),
        torch.device("cpu"),
        Company(None, torch.arange(members), members + others, replicates, lambda own: own),
    )


def lived(rewards) -> Experience:
    """A step of which nothing is known but what everybody earned, [L, N]."""
    never = torch.zeros(len(rewards), dtype=torch.bool)
    moves = torch.zeros(rewards.shape, dtype=torch.int64)
    return Experience({}, moves, Outcome(rewards, never), {}, never, 0.0)


def noted(percept, acts, utility, ended, truncated=None, after=None, rewards=None, **more) -> Note:
    """A step as a head remembers it, rows [K, B]."""
    return Note(
        {"seen": percept},
        acts,
        utility,
        ended,
        ended if truncated is None else truncated,
        lambda: {"seen": after or percept},
        lived(torch.zeros(1, 1) if rewards is None else rewards),
        **more,
    )


def views(dense, codebook, codes) -> Percept:
    """The same percept as codes of views, or with the views written out."""
    return Percept(dense=codebook[codes]) if dense else Percept(codes=codes, codebook=codebook)
