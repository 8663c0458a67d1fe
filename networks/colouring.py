"""Groups of agents that stand so far apart that they have no neighbour in common."""

from commonweal.networks.neighbourhoods import Neighbourhoods


def far_apart(near: Neighbourhoods) -> tuple[int, ...]:
    """Group of each agent such that two of one group are at least three links apart.

    Agents take the first group that nobody within two links has taken, in ascending order:
    greedy colouring of the square of the graph.
    Source: Welsh and Powell (1967), The Computer Journal 10.
    """
    targets, degrees = near.target.tolist(), near.degree.tolist()
    taken: list[set[int]] = [set() for _ in degrees]
    """groups present in each closed neighbourhood"""
    lowest = [0] * len(degrees)
    """first group that is absent there, so that hubs are not searched from the start"""
    groups, first = [], 0
    for agent, degree in enumerate(degrees):
        closed = [agent, *targets[first : first + degree]]
        first += degree
        group = max(lowest[place] for place in closed)
        while any(group in taken[place] for place in closed):
            group += 1
        for place in closed:
            taken[place].add(group)
            while lowest[place] in taken[place]:
                lowest[place] += 1
        groups.append(group)
    return tuple(groups)
