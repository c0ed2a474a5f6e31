"""The pages: contexts, templates, words and one style sheet."""
