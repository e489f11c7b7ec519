"""How the world packs a cell's parameters: one data record per system, and the placements that follow from it."""
