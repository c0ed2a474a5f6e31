"""The service, the pages and the command line."""
