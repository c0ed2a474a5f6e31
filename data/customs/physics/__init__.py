"""Scans from goods: attenuation, detector, ray-sum."""
