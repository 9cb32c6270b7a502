"""What a phantom is made of, and how it is scanned."""
