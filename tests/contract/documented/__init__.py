"""The shipped template by the commands of the README. A package, so that its tests share a local AWS."""
