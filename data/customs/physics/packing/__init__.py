"""Packing templates: how goods of a kind stand in a container."""
