"""What a hip phantom is made of."""
