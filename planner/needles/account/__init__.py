"""What the operator is told of a needle: where it goes in, what it passes at which distance, what it crosses."""
