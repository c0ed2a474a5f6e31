"""Readers of official files, one format per file."""
