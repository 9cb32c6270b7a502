"""What is true of a phantom, and the files that say so."""
