"""Components that learn: policies with a slot axis and their updates."""
