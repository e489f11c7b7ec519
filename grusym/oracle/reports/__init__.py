"""The ways out: what a judge found, for a person at a terminal, for a browser, and for machines."""
