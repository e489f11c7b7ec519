"""The catalogue of known mistakes: what goes wrong in real implementations, each as a change of a right program."""
