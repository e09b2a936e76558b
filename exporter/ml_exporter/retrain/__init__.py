"""The bridge from an alert to a retraining run."""
