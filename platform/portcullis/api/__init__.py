"""The HTTP API under /v1, its one error shape and the application that holds API and pages."""
