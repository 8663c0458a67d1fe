"""Minds: agent kinds as compositions of components, and the society they form."""

from commonweal.registry import Registry

AGENTS = Registry("agent", "commonweal.agents")
