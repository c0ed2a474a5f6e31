"""The official table of codes: tree, wording, days, search, older editions and duty rates."""
