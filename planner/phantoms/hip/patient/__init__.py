"""Bones and soft tissue of hip and thigh."""
