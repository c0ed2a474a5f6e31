"""X-ray scans: reading, packing features, per-HS normality, mass."""
