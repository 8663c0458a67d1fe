"""Runs in worlds about resources that nobody played, for tests of the studies that read them."""

import numpy as np

from commonweal.analysis.resource_runs import Course


def course(by_agent, members=None, *, episodes=4, ratio=0.5, gap=1.0, lanes=10):
    """A run in which each agent earns the same in every episode, from ``by_agent`` [R, N]."""
    by_agent = np.asarray(by_agent, float)
    shape = (episodes, len(by_agent))
    return Course(
        returns=np.broadcast_to(by_agent, (episodes, *by_agent.shape)).copy(),
        ratio=np.full(shape, ratio),
        least=np.broadcast_to(by_agent.min(-1), shape).copy(),
        gap=np.full(shape, gap),
        members=np.zeros(by_agent.shape, bool) if members is None else np.asarray(members),
        lanes=lanes,
        seconds=1.0,
    )


def written(folder):
    """Names of the files that a study left, its runs aside."""
    return {path.name for path in folder.iterdir() if path.is_file()}
