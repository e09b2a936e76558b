"""Backfilling: recorded events, in event time, through the same sums and signals as live ones, as OpenMetrics."""
