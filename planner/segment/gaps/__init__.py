"""Lucent gaps round implants."""
