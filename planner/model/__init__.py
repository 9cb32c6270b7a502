"""What a plan is made of: frozen data, no algorithms."""
