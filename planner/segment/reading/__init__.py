"""A learned reading of unwrapped interfaces: small networks, their weights, and what they are shown."""
