"""How the path of a request to a search collection is read. What checks a request and what serves it read it alike."""

from urllib.parse import unquote


def segments(target: str) -> list[str]:
    """The decoded segments of a request's path. Empty ones are left out, and so is what follows the path. ``target`` begins with the
    path; it is no whole URL."""
    path = target.partition("#")[0].partition("?")[0]
    return [unquote(part) for part in path.split("/") if part]
