"""What is made ahead of any run, and looked up by it: explanations for pairs of interest and item."""
