"""One's own account: password, logins, API keys."""
