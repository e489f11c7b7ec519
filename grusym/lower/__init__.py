"""How to compute it: a small IR, its checker and interpreter, costs, and schedules that transform it."""
