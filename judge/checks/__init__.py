"""Automatic checks of a judge: planted defects, repeats, order, length, injections; and what they found."""
