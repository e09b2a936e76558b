"""Typed columns of pyarrow as columns of events; imported with the first body of them, never at the start."""
