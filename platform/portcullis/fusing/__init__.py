"""Fusion's rooms as the commands call them: worlds are scored by the other modules first."""
