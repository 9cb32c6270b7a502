"""How cement spreads from needle tips: through gaps and the cancellous bone beside them, and out through breaches."""
