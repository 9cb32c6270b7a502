"""What the operator wants: needles that stay, targets of his own, where to come in."""
