"""How much one touch of an item counts: behaviours with weights, counts that saturate, time decay.

Training and serving use the same function, so a profile's history at serving time weighs what the
same history weighed in training. The decay is per user: it is measured from the user's own newest
touch, so a person who was away for a year is described by what she did last, not by nothing.
"""

from __future__ import annotations

import msgspec
import numpy as np

from gnn.arrays import Float32s, Int32s, Int64s

MICROS_OF_DAY = 86_400_000_000


class BehaviourWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of a view, a cart and a purchase, and the half-life of a touch in days.

    A count n of one behaviour weighs `weight * log2(1 + n)`: the first counts fully, the tenth
    view of a page hardly more than the ninth. `half_life_days` None switches the decay off.
    """

    view: float = 1.0
    cart: float = 1.5
    purchase: float = 2.0
    half_life_days: float | None = 30.0

    def strength(self, views: Int32s, carts: Int32s, purchases: Int32s) -> Float32s:
        """Weights (n,) of n touches from their counts (n,), without decay."""
        total = self.view * np.log2(1.0 + views)
        total += self.cart * np.log2(1.0 + carts)
        total += self.purchase * np.log2(1.0 + purchases)
        weighed: Float32s = total.astype(np.float32)
        return weighed

    def decay(self, last_at: Int64s, newest_at: Int64s | int) -> Float32s:
        """Factors (n,) in (0, 1] from the times of touches and of their user's newest touch (µs)."""
        if self.half_life_days is None:
            return np.ones(last_at.shape, np.float32)
        age_days = (newest_at - last_at) / MICROS_OF_DAY
        # Beyond 60 half-lives the factor is 1e-18 and means nothing: float32 keeps it above zero.
        half_lives = np.minimum(age_days / self.half_life_days, 60.0)
        return np.exp2(-half_lives).astype(np.float32)
