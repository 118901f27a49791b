"""Makes the plan of a rollout from an approval, and checks that AWS will accept it."""
