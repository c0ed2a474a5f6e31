"""What to keep an eye on: alerts, outcomes, drift and data quality."""
