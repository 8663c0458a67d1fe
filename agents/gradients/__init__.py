"""What becomes of the learners' gradients before a step is taken."""
