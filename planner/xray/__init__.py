"""X-rays: what a tube sends out, what materials take from it, and what a detector makes of the rest."""
