"""State (and now, and levels) to words: pure, and the only place that words state."""
