"""Power laws, and the one that fits errors at several numbers of rows best."""

from dataclasses import dataclass

import numpy as np

from luthier.arrays import FloatArray

EXPONENTS = np.geomspace(0.05, 2, 60)  # from almost a logarithm to faster than any parametric model learns


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """The error a + b n^-c at n rows; or several laws, if the numbers are arrays.

    Args:
        a: The limit, with endless rows.
        b: At least 0.
        c: The exponent, one of `EXPONENTS`.
    """

    a: FloatArray
    b: FloatArray
    c: FloatArray

    def error(self, rows: float | FloatArray) -> FloatArray:
        return np.asarray(self.a + self.b * np.power(rows, -self.c))


def fit(errors: FloatArray, rows: FloatArray, variances: FloatArray, floor: float) -> PowerLaw:
    """The laws with the least squares, weighted by the variances: one for each row of errors.

    For each exponent, the other two numbers are a linear regression within its bounds, so that no minimum is missed.

    Args:
        errors: [d, s]
        rows: [s]
        variances: [s] variances of the errors.
        floor: Lower bound of the limit a; can be minus infinity.
    Returns:
        A law of arrays, [d].
    """
    weight = 1 / np.maximum(variances, 1e-12)
    weight = weight / weight.sum()
    power = rows[None] ** -EXPONENTS[:, None]  # [e, s]
    mean_x, mean_y = power @ weight, errors @ weight  # [e], [d]
    apart = power - mean_x[:, None]
    slope = np.maximum(0, (errors * weight) @ apart.T / (apart**2 @ weight))  # [d, e]
    limit = mean_y[:, None] - slope * mean_x
    below = limit < floor
    if below.any():
        through_floor = np.maximum(0, ((errors - floor) * weight) @ power.T / (power**2 @ weight))
        limit, slope = np.where(below, floor, limit), np.where(below, through_floor, slope)
    left = errors[:, None] - limit[..., None] - slope[..., None] * power  # [d, e, s]
    best, each = (left**2 @ weight).argmin(axis=1), np.arange(len(errors))
    return PowerLaw(limit[each, best], slope[each, best], EXPONENTS[best])
