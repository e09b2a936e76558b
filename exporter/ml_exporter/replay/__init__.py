"""Recorded events to a running sidecar, in the order and at a multiple of the speed of their time."""
