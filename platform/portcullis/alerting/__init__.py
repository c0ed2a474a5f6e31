"""Telling others what happened: a stream for those who listen, signed webhooks for those who do not."""
