"""Opening: CTs, plan folders, the series to choose, the cases opened last."""
