"""Worlds: the rules of one dilemma each, hosted in Mesa models."""

from commonweal.registry import Registry

WORLDS = Registry("world", "commonweal.worlds")
