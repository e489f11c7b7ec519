"""What follows from the equations: normal form, derivative rules, reverse and forward mode, BPTT."""
