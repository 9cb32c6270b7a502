"""Who is no candidate for cement, or only with care: what the CT shows of it, measured."""
