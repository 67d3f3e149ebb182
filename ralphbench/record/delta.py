"""What is new in a body since the one before: agents resend the whole conversation with each call."""

from __future__ import annotations

_STEP = 1 << 16


def common_prefix(a: bytes, b: bytes) -> int:
    """How many bytes two bodies have in common at their beginning."""
    most = min(len(a), len(b))
    same = 0
    while same < most and a[same : same + _STEP] == b[same : same + _STEP]:
        same += _STEP
    if same >= most:
        return most
    # They differ within this step, or one of them ends in it: halve until one byte is left.
    low, high = same, min(same + _STEP, most)
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(a: bytes, b: bytes, most: int) -> int:
    """How many bytes two bodies have in common at their end, at most `most`."""
    low, high = 0, min(most, len(a), len(b))
    step = _STEP
    while low < high:
        middle = min(low + step, high) if step else (low + high + 1) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        elif step:
            high, step = middle - 1, 0
        else:
            high = middle - 1
    return low
