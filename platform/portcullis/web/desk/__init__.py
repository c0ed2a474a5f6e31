"""The inspector's desk: hand in a consignment."""
