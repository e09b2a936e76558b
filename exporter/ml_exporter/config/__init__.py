"""Configuration files: read strictly, every mistake told at once, documented from the same table."""
