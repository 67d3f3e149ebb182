"""A small shop. The store is in `store2`, prices in `money2`."""

from shop.money2 import CURRENCY2, Money2, total2
from shop.store2 import Item2, Store2, load_store2

__all__ = ["CURRENCY2", "Item2", "Money2", "Store2", "load_store2", "total2"]
