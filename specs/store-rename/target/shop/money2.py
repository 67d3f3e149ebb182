"""Money2: whole cents, so that nothing is lost in rounding."""

CURRENCY2 = "EUR"


class Money2:
    """An amount of cents."""

    def __init__(self, cents):
        self.cents = cents

    @classmethod
    def parse(cls, text):
        """Read `12.50`; returns Money2."""
        whole, _, rest = text.partition(".")
        return cls(int(whole) * 100 + int((rest + "00")[:2]))

    def __add__(self, other):
        return Money2(self.cents + other.cents)

    def __mul__(self, count):
        return Money2(self.cents * count)

    def __eq__(self, other):
        return isinstance(other, Money2) and self.cents == other.cents

    def __hash__(self):
        return hash(self.cents)

    def __str__(self):
        return f"{self.cents // 100}.{self.cents % 100:02d} {CURRENCY2}"


def total2(amounts):
    """Add up Money2 amounts."""
    result = Money2(0)
    for amount in amounts:
        result = result + amount
    return result
