"""The settings: read, checked, written, and taken over from an older set-up."""
