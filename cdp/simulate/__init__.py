"""A shop with known people, devices, households and a kiosk: events plus the truth about them."""

from __future__ import annotations

from cdp.simulate.shop import Simulation, simulate
from cdp.simulate.writing import write

__all__ = ["Simulation", "simulate", "write"]
