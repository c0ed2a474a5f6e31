"""Evidence in, one explained and ordered risk report out."""
