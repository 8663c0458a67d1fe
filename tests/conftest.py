"""One thread for all tests: many small products are slower, not faster, on two."""

import torch

torch.set_num_threads(1)
