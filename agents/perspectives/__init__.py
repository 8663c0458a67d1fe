"""Theory of mind: what an agent believes of the others."""
