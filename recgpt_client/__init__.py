"""A client of RecGPT Studio's API for pipeline runs. Needs httpx and nothing else of the project.

>>> from recgpt_client import Studio
>>> studio = Studio("http://localhost:8000", token="recgpt_…")  # doctest: +SKIP
>>> run = studio.start_run(shopper="household-1")  # doctest: +SKIP
>>> [one["item"]["title"] for one in studio.wait(run["id"])["recommendations"]]  # doctest: +SKIP
"""

from recgpt_client.client import Studio
from recgpt_client.errors import NoAnswerError, RefusedError, StudioError

__all__ = ["NoAnswerError", "RefusedError", "Studio", "StudioError"]
