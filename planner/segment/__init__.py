"""Implants, bone and the lucent gaps between them, found in the CT."""
