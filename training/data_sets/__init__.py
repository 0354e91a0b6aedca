"""Data sets: what each stage of training is fed with, built from what was generated, judged, reviewed and bought."""
