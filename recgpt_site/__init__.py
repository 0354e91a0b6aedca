"""The composition root: settings, URLs, workers and the services that a fresh clone starts itself."""
