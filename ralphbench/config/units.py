"""Durations, sizes, token counts, money and ratios as people write them, and back.

Every reader takes what YAML gave and raises ValueError with what was found and what was expected, for the caller to add
the place. Numbers are read as decimals, so that what is written back is what was read.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from ralphbench.config.problems import describe

# Fifteen digits are what a float holds exactly; a longer number is a slip of the hand.
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}\s*d)?\s*(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m)?\s*(?:{_NUMBER}\s*s)?", re.ASCII)
_SECONDS = (86400, 3600, 60, 1)
_LONGEST = 10_000 * 86400
_TOKENS = re.compile(rf"{_NUMBER}\s*(k|K|M|Ki|Mi)?", re.ASCII)
_TOKEN_UNITS = {None: 1, "k": 1000, "K": 1000, "M": 1_000_000, "Ki": 1024, "Mi": 1024**2}
_SIZE = re.compile(rf"{_NUMBER}\s*([kKMGT]i?)?B", re.ASCII)
_SIZE_UNITS = {None: 1} | {
    f"{letter}{i}": (1024 if i else 1000) ** power
    for power, letters in enumerate(("kK", "M", "G", "T"), start=1)
    for letter in letters
    for i in ("", "i")
}
_MONEY = re.compile(rf"{_NUMBER}\s*([A-Za-z]{{3}})", re.ASCII)
_PERCENT = re.compile(rf"{_NUMBER}\s*%", re.ASCII)


def _refused(value: object, expected: str) -> ValueError:
    return ValueError(f"expected {expected}, found {describe(value)}")


def duration(value: object) -> float:
    """`90s`, `15m`, `3h`, `1h30m`, `2d` in seconds. A bare number says no unit and is refused."""
    expected = "a duration like 90s, 15m, 3h or 1h30m"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"expected {expected}, found {value} without a unit; did you mean '{value}s' or '{value}m'?")
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        raise _refused(value, expected)
    parts = (Decimal(text) * unit for text, unit in zip(found.groups(), _SECONDS, strict=True) if text)
    seconds = float(sum(parts, Decimal(0)))
    if seconds > _LONGEST:
        raise ValueError(f"expected {expected}, at most 10000d; found {value}")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that `duration` reads back as the same: `90s`, `15m`, `1h30m`, `0.5s`."""
    if seconds != int(seconds) or seconds < 60:
        return f"{_plain(seconds)}s"
    rest, text = int(seconds), ""
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text


def tokens(value: object) -> int:
    """`96k` is 96,000 and `96Ki` 98,304: what a server calls 96k is never less than what is stated here."""
    expected = "a number of tokens like 8192, 96k, 128Ki or 1.5M"
    found = _TOKENS.fullmatch(_text(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if found is None:
        raise _refused(value, expected)
    return _whole(Decimal(found[1]) * _TOKEN_UNITS[found[2]], value, expected)


def format_tokens(count: int) -> str:
    """`96k`, `1.5M`, `8192`: exact, shortened only where it stays readable."""
    if count and count % 1_000_000 == 0:
        return f"{count // 1_000_000}M"
    return f"{count // 1000}k" if count and count % 1000 == 0 else str(count)


def size(value: object) -> int:
    """`2GiB`, `512 MiB`, `10kB` in bytes."""
    expected = "a size like 2GiB, 512MiB or 10MB"
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise _refused(value, expected)
    return _whole(Decimal(found[1]) * _SIZE_UNITS[found[2]], value, expected)


def money(value: object) -> float:
    """`2.50 USD`. The currency is written, since the figure alone does not say it."""
    expected = "an amount like 2.50 USD"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"expected {expected}, found {value} without a currency; did you mean '{value} USD'?")
    found = _MONEY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise _refused(value, expected)
    if found[2] != "USD":
        raise ValueError(f"expected {expected}, found {found[2]!r}: prices are known in USD alone")
    return float(Decimal(found[1]))


def format_money(amount: float) -> str:
    """`2.50 USD`; more digits only where there are some."""
    text = _plain(amount)
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits.ljust(2, '0')} USD"


def ratio(value: object) -> float:
    """`0.9` or `90%`: more than 0, at most 1."""
    expected = "a share like 0.9 or 90%"
    number: Decimal | None = None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        number = Decimal(repr(value))
    elif isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())):
        number = Decimal(found[1]) / 100
    if number is None:
        raise _refused(value, expected)
    if not 0 < number <= 1:
        raise ValueError(f"expected {expected}: more than 0, at most 1; found {describe(value)}")
    return float(number)


def format_ratio(share: float) -> str:
    return f"{_plain(float(Decimal(repr(share)) * 100))}%"


def _text(value: object) -> str:
    return str(value).strip()


def _whole(number: Decimal, value: object, expected: str) -> int:
    if number != number.to_integral_value() or number >= 2**63:
        raise _refused(value, expected)
    return int(number)


def _plain(number: float) -> str:
    """Without an exponent, and no more digits than it takes to read the same number back."""
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
