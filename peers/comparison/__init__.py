"""What `side_by_side.py` is made of: the work, the programs that do it, the rounds they are run in, the tables."""
