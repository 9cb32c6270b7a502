"""What is wrong round a hip replacement, and what only looks like it."""
