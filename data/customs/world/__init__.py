"""The synthetic world: one seeded, consistent set of people, goods, series, scans and frauds."""
