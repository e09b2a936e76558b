"""Joining labels to predictions by id, in bounded memory, over a restart."""
