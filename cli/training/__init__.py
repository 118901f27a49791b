"""`sluice train`, `runs`, `data`, `lineage`: uploads, runs and where a version came from."""
