"""What one visit took: events with no longer gap between them than the settings allow. Pure numpy."""

from datetime import timedelta

import numpy as np

MICROSECOND = timedelta(microseconds=1)


def moments(shoppers: np.ndarray, at_us: np.ndarray, gap: timedelta) -> np.ndarray:
    """When each event's session began, in microseconds: (n,).

    shoppers  (n,) any integer per event, events of one shopper together and in order of time
    at_us     (n,) its time in microseconds
    gap       the longest pause within a session; without one only what happened at one time is together

    A session goes on as long as each event follows the one before within the gap, however long it gets.

    >>> shoppers, minutes = np.array([1, 1, 1, 1, 2]), np.array([0, 20, 45, 80, 85])
    >>> (moments(shoppers, minutes * 60_000_000, timedelta(minutes=30)) // 60_000_000).tolist()
    [0, 0, 0, 80, 85]
    """
    if not len(at_us):
        return at_us
    is_first = np.concatenate([[True], (np.diff(shoppers) != 0) | (np.diff(at_us) > gap // MICROSECOND)])
    began: np.ndarray = at_us[is_first][np.cumsum(is_first) - 1]
    return began
