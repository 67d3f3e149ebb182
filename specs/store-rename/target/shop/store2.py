"""Store2: what is on the shelves."""

from shop.money2 import Money2, total2


class Item2:
    """One article: name, price (a Money2), how many."""

    def __init__(self, name, price, count):
        self.name = name
        self.price = price
        self.count = count

    def worth(self):
        return self.price * self.count


class Store2:
    """Items by name. Use put2 and take2, not the dict."""

    def __init__(self):
        self.items = {}

    def put2(self, item):
        """Add an Item2; the same name again adds to the count."""
        if item.name in self.items:
            self.items[item.name].count += item.count
        else:
            self.items[item.name] = item

    def take2(self, name, count=1):
        """Take some away. Raises KeyError or ValueError."""
        item = self.items[name]
        if count > item.count:
            raise ValueError(f"only {item.count} of {name}")
        item.count -= count
        return item.price * count

    def worth(self):
        return total2(item.worth() for item in self.items.values())


def load_store2(path):
    """Read lines of `name price count` into a Store2."""
    store = Store2()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                name, price, count = line.split()
                store.put2(Item2(name, Money2.parse(price), int(count)))
    return store
