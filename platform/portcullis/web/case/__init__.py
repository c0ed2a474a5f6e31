"""One consignment on one page."""
