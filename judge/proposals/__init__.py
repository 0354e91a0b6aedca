"""What leads decided becomes a proposed edit of the judge's prompt, tried on held-out labels before it is used."""
