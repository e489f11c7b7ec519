"""The main job end to end, on real input: from the equations of a GRU to a classifier trained beside PyTorch's."""
