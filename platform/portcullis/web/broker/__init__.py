"""For brokers: suggestions, the table of codes, many goods at once, dossiers."""
