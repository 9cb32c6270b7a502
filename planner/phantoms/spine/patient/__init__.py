"""Bones and soft tissue of the trunk."""
