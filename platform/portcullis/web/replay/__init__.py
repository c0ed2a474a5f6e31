"""Which cases change lane under another model, policy or budget."""
