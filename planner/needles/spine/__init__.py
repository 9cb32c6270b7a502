"""Ways to screws, cages and vertebrae: through the pedicle, past it, along an ilium."""
