"""The matrix of cells, its order, leases and resume; starts trials and the gateway and ends them."""

from ralphbench.schedule.leases import Leases, serve_leases
from ralphbench.schedule.order import cells_in_order

__all__ = ["Leases", "cells_in_order", "serve_leases"]
