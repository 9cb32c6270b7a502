"""The front of a liquid that is pressed into a porous space, solved for one injected volume at a time.

A liquid much more viscous than what it displaces fills each place wholly before it goes on, and its pressure p obeys
-div(K grad p) = source behind the front and is 0 at it. The sum u of the pressure over time then needs no steps in
time: at the injected volume V it is the least u >= 0 with -div(K grad u) + capacity >= V x source (C. Baiocchi's
transform; Elliott and Janovsky 1981). Where u > 0 a voxel is full; what the others hold is what flows into them.
What leaves through an exit is its conductance times u, so that volume is neither made nor lost.

Voxels are numbered in the grid's order; columns 0-2 of `neighbour` and `conductance` lead to earlier ones (slice, row,
column), 3-5 to later ones; where there is none the conductance is 0.
"""

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array

Index = npt.NDArray[np.int32]
_LAYERS = 4
"""So far the front may move in one round; for speed only."""


@numba.njit(cache=True, nogil=True)
def settle(
    u: Array,
    load: Array,
    neighbour: Index,
    conductance: Array,
    diagonal: Array,
    tolerance: float,
    most: int,
) -> float:
    """Find the front for one injected volume.

    Parameters
    ----------
    u : ndarray, shape (N,)
        Start, and result.
    load : ndarray, shape (N,)
        Volume injected into each voxel less its capacity.
    neighbour : ndarray of int32, shape (N, 6)
        See the module.
    conductance : ndarray, shape (N, 6)
        Between neighbours.
    diagonal : ndarray, shape (N,)
        Sum of a voxel's conductances, that of an exit with them; 0 where it has none.
    tolerance : float
        Volume that may be in the wrong place in all.
    most : int
        Most rounds.

    Returns
    -------
    float
        Volume in the wrong place; above the tolerance where the rounds did not suffice.
    """
    n = u.shape[0]
    active, near = np.empty(n, np.int32), np.empty(n, np.int32)
    marked = np.zeros(n, np.bool_)
    rest, pivot, change = np.zeros(n), np.zeros(n), np.zeros(n)
    number = np.empty(n, np.int32)
    wrong = 0.0
    for _ in range(most):
        size = _mark(u, load, diagonal, marked, near, neighbour, conductance)
        _sweep(near[:size], u, load, neighbour, conductance, diagonal)
        count = 0
        wrong = 0.0
        for m in range(size):
            i = near[m]
            rest[i] = 0.0
            r = load[i] - diagonal[i] * u[i]
            for k in range(6):
                r += conductance[i, k] * u[neighbour[i, k]]
            if u[i] > 0.0:
                active[count] = i
                count += 1
                rest[i] = r
                wrong += abs(r)
            elif r > 0.0:
                wrong += r
        if wrong <= tolerance:
            return wrong
        _factor(active[:count], u, pivot, neighbour, conductance, diagonal)
        _conjugate(active[:count], rest, change, pivot, number, neighbour, conductance, diagonal)
        for m in range(count):
            i = active[m]
            u[i] = max(0.0, u[i] + change[i])
            pivot[i] = 0.0
            change[i] = 0.0
    return wrong


@numba.njit(cache=True, nogil=True)
def _mark(
    u: Array,
    load: Array,
    diagonal: Array,
    marked: npt.NDArray[np.bool_],
    near: Index,
    neighbour: Index,
    conductance: Array,
) -> int:
    """Write the numbers of all full voxels, and of those within `_LAYERS` of them, in order; give their count."""
    n = u.shape[0]
    top = 0
    for i in range(n):
        if (u[i] > 0.0 or load[i] > 0.0) and diagonal[i] > 0.0:
            marked[i] = True
            near[top] = i
            top += 1
    start = 0
    for _ in range(_LAYERS):
        stop = top
        for m in range(start, stop):
            i = near[m]
            for k in range(6):
                j = neighbour[i, k]
                if conductance[i, k] > 0.0 and not marked[j]:
                    marked[j] = True
                    near[top] = j
                    top += 1
        start = stop
    count = 0
    for i in range(n):
        if marked[i]:
            near[count] = i
            count += 1
            marked[i] = False
    return count


@numba.njit(cache=True, nogil=True)
def _sweep(near: Index, u: Array, load: Array, neighbour: Index, conductance: Array, diagonal: Array) -> None:
    """Relax each voxel once forwards and once backwards, none below 0: moves the front, smooths the rest."""
    n = near.shape[0]
    for m in range(2 * n):
        i = near[m] if m < n else near[2 * n - 1 - m]
        s = load[i]
        for k in range(6):
            s += conductance[i, k] * u[neighbour[i, k]]
        u[i] = max(0.0, s / diagonal[i])


@numba.njit(cache=True, nogil=True)
def _factor(active: Index, u: Array, pivot: Array, neighbour: Index, conductance: Array, diagonal: Array) -> None:
    """Write 1 over the pivots of the modified incomplete Cholesky factor of the full voxels; 0 stays elsewhere."""
    for m in range(active.shape[0]):
        i = active[m]
        e = diagonal[i]
        for k in range(3):
            j = neighbour[i, k]
            if pivot[j] > 0.0 and conductance[i, k] > 0.0:
                dropped = 0.0
                for later in range(3, 6):
                    other = neighbour[j, later]
                    if other != i and u[other] > 0.0:
                        dropped += conductance[j, later]
                e -= conductance[i, k] * (conductance[i, k] + 0.95 * dropped) * pivot[j]
        if e < 0.2 * diagonal[i]:
            e = diagonal[i]
        pivot[i] = 1.0 / e


@numba.njit(cache=True, nogil=True)
def _beside(
    active: Index, number: Index, pivot: Array, neighbour: Index, conductance: Array, place: Index, earlier: Array
) -> Array:
    """Give the full voxels numbers of their own, so that what is worked together lies together.

    Writes the new numbers of their neighbours, those of the count for what is not full, and for earlier ones the
    conductance over their pivot; gives the conductances.
    """
    size = active.shape[0]
    pull = np.zeros((size, 6))
    for m in range(size):
        number[active[m]] = m
    for m in range(size):
        i = active[m]
        for k in range(6):
            j = neighbour[i, k]
            place[m, k] = size
            if pivot[j] > 0.0:
                place[m, k] = number[j]
                pull[m, k] = conductance[i, k]
                if k < 3:
                    earlier[m, k] = conductance[i, k] * pivot[j]
    return pull


@numba.njit(cache=True, nogil=True)
def _precondition(rest: Array, held: Array, pivot: Array, place: Index, earlier: Array, pull: Array) -> None:
    size = rest.shape[0]
    for m in range(size):
        s = rest[m]
        for k in range(3):
            s += earlier[m, k] * held[place[m, k]]
        held[m] = s
    for m in range(size - 1, -1, -1):
        s = held[m]
        for k in range(3, 6):
            s += pull[m, k] * held[place[m, k]]
        held[m] = s * pivot[m]


@numba.njit(cache=True, nogil=True)
def _product(one: Array, other: Array) -> float:
    """Add up products one after the other; the second may be longer."""
    total = 0.0
    for m in range(one.shape[0]):
        total += one[m] * other[m]
    return total


@numba.njit(cache=True, nogil=True)
def _conjugate(
    active: Index,
    rest: Array,
    change: Array,
    pivot: Array,
    number: Index,
    neighbour: Index,
    conductance: Array,
    diagonal: Array,
) -> None:
    """Take some steps of preconditioned conjugate gradients among the full voxels."""
    size = active.shape[0]
    place, earlier = np.empty((size, 6), np.int32), np.zeros((size, 3))
    pull = _beside(active, number, pivot, neighbour, conductance, place, earlier)
    own_rest, own_diagonal, own_pivot = rest[active], diagonal[active], pivot[active]
    image, own_change = np.empty(size), np.zeros(size)
    # the last one stands for all that is not full, and stays 0
    towards, held = np.zeros(size + 1), np.zeros(size + 1)
    # forward substitution reads `held` of earlier voxels only, so it may be overwritten in place
    _precondition(own_rest, held, own_pivot, place, earlier, pull)
    towards[:] = held
    rho = _product(own_rest, held)
    first = rho
    for _ in range(12):
        if rho <= 1e-3 * first or rho <= 0.0:
            break
        for m in range(size):
            s = own_diagonal[m] * towards[m]
            for k in range(6):
                s -= pull[m, k] * towards[place[m, k]]
            image[m] = s
        steep = _product(image, towards)
        if steep <= 0.0:
            break
        step = rho / steep
        for m in range(size):
            own_change[m] += step * towards[m]
            own_rest[m] -= step * image[m]
        _precondition(own_rest, held, own_pivot, place, earlier, pull)
        before = rho
        rho = _product(own_rest, held)
        for m in range(size):
            towards[m] = held[m] + rho / before * towards[m]
    for m in range(size):
        change[active[m]] = own_change[m]


@numba.njit(cache=True, nogil=True)
def contents(u: Array, injected: Array, neighbour: Index, conductance: Array, exits: Array) -> Array:
    """Give the volume that each voxel holds.

    Parameters
    ----------
    u : ndarray, shape (N,)
        As `settle` found it.
    injected : ndarray, shape (N,)
        Volume injected into each voxel.
    neighbour, conductance : ndarray, shape (N, 6)
        See the module.
    exits : ndarray, shape (N,)
        Conductance of exits.

    Returns
    -------
    ndarray, shape (N,)
        What flowed in less what flowed out.
    """
    out = np.empty(u.shape[0])
    for i in range(u.shape[0]):
        s = injected[i] - exits[i] * u[i]
        for k in range(6):
            s += conductance[i, k] * (u[neighbour[i, k]] - u[i])
        out[i] = s
    return out


@numba.njit(cache=True, nogil=True)
def connected(seed: npt.NDArray[np.bool_], neighbour: Index, conductance: Array) -> npt.NDArray[np.bool_]:
    """Say to which voxels there is a way from the seeds, shape (N,)."""
    found = seed.copy()
    stack = np.empty(seed.shape[0], np.int32)
    top = 0
    for i in range(seed.shape[0]):
        if seed[i]:
            stack[top] = i
            top += 1
    while top > 0:
        top -= 1
        i = stack[top]
        for k in range(6):
            j = neighbour[i, k]
            if conductance[i, k] > 0.0 and not found[j]:
                found[j] = True
                stack[top] = j
                top += 1
    return found
