"""Steps of the story and the scenes, and what plays them."""
