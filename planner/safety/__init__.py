"""What can go wrong: breaches in the gaps' walls, and how far a needle keeps from what it must not touch."""
