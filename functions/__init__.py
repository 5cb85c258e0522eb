"""The functions, a package each: a group of routes, or what answers a trigger. None imports another.

Inside a function's package imports of its own modules are relative, for the package has two names: ``functions.documents``
here, where tests, type checker and import rules see all functions; ``documents`` on Lambda, where a function finds its
own package alone at the top of its code.
"""
