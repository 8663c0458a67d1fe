"""What members of a federation do to each other's parameters."""
