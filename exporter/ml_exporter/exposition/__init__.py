"""Samples as the page that Prometheus reads."""
