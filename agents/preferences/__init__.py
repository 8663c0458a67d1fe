"""From rewards to what an agent wants."""
