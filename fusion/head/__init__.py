"""The learned head: what inspections found teaches which declarations to look at first."""
