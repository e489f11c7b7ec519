"""Generated kernels judged on random problems: by PyTorch, numerical gradients, the interpreter and forward mode."""
