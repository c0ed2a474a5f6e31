"""The queue of cases of the risk unit."""
