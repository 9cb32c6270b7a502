"""Linked cuts through the CT: where they lie, what crosses them, what is at the cursor."""
