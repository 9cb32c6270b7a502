"""What is opened, saved, kept by itself and offered again."""
