"""What an officer looks things up with: trade series, earlier cases, routes, similar scans, scan data."""
