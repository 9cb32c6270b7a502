"""What a spine phantom is made of."""
