"""What brokers do with codes: ask for suggestions, many at once too, and write down why they chose."""
