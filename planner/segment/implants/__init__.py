"""Metal, and which implants it is."""
