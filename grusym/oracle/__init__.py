"""How implementations are judged: exact references, derived error bounds, cases, checks, diagnosis."""
