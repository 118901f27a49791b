"""A deterministic simulation of Sluice on AWS that breaks in every way we know, and what must hold all the same."""
