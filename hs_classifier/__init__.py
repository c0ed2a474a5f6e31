"""HS codes from the name and description of goods."""
