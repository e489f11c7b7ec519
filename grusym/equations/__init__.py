"""What is true: axes, tensors, the notation and its parser, cells, and the layer over time and batch."""
