"""From bytes to columns: decoding events, saying what is wrong with them, and a bounded queue behind it."""
