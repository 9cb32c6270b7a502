"""Settings: one frozen model per step, every default with its source."""
