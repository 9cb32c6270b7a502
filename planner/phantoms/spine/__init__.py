"""Instrumented spines."""
