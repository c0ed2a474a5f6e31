"""Evidence bundles: all of one case in a ZIP that proves itself without the platform."""
