"""Hip replacements."""
