"""The built-in cells, one family a file: the text of the cell for each choice of its options."""
