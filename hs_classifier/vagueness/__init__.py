"""Text too vague to classify: found by counting, refused with questions that help."""
