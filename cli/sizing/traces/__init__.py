"""Request traces that are shipped, and the scripts that made them."""
