"""For who runs the platform: people, keys, models, policies, imports."""
