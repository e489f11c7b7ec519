"""How generated code runs: find a C compiler, compile, cache by hash, load."""
