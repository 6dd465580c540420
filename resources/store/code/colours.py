"""Hash definitions with all that they reach, so that equal hashes mean equal code, wherever it lies.

The hash of a definition covers its own text and the hashes of what it uses, in the order of use. Definitions that use
each other in a circle get theirs by refinement: as many rounds as tell apart any two circles that differ.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node")


def colour(
    roots: Iterable[Node],
    text: Callable[[Node], str],
    uses: Callable[[Node], Iterable[Node]],
    known: dict[Node, str],
) -> None:
    """Add the hash of each root, and of all that it reaches, to `known`."""
    for circle in _circles(roots, uses, known):
        if len(circle) == 1 and circle[0] not in uses(circle[0]):
            known[circle[0]] = _hash(text(circle[0]), *(known[each] for each in uses(circle[0])))
        else:
            known.update(_refine(circle, text, uses, known))


def _refine(
    circle: list[Node],
    text: Callable[[Node], str],
    uses: Callable[[Node], Iterable[Node]],
    known: Mapping[Node, str],
) -> dict[Node, str]:
    now = {node: _hash(f"one of {len(circle)}", text(node)) for node in circle}
    for _ in range(2 * len(circle)):
        now = {node: _hash(now[node], *(now.get(each) or known[each] for each in uses(node))) for node in circle}
    return now


def _circles(
    roots: Iterable[Node], uses: Callable[[Node], Iterable[Node]], known: Mapping[Node, str]
) -> Iterable[list[Node]]:
    """The strongly connected components below the roots, each after all that it uses (Tarjan 1972)."""
    order: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    for root in roots:
        if root in order or root in known:
            continue
        calls = [(root, iter(uses(root)))]
        order[root] = lowest[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while calls:
            node, rest = calls[-1]
            for each in rest:
                if each in known:
                    continue
                if each not in order:
                    order[each] = lowest[each] = len(order)
                    stack.append(each)
                    on_stack.add(each)
                    calls.append((each, iter(uses(each))))
                    break
                if each in on_stack:
                    lowest[node] = min(lowest[node], order[each])
            else:
                calls.pop()
                if calls:
                    lowest[calls[-1][0]] = min(lowest[calls[-1][0]], lowest[node])
                if lowest[node] == order[node]:
                    cut = stack.index(node)
                    circle = stack[cut:]
                    del stack[cut:]
                    on_stack.difference_update(circle)
                    yield circle


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
