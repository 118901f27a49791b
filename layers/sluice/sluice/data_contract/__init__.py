"""Whether a CSV file keeps its model's data contract. Standard library only: training containers use it, too."""
