"""Stepping, recording, saving and sweeping of simulations."""
