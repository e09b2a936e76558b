"""Sums since the start and over windows, labels joined to predictions, and both kept over a restart."""
