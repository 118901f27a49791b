"""What is known of a candidate while it bakes, as findings, and what follows from them."""
