"""What the local cloud keeps when it is killed: docs/adr/0013-what-the-local-cloud-keeps-when-it-is-killed.md.

``journal`` is the file of changes, ``changes`` collects what has changed, ``replay`` reads it, ``services`` are the emulator's other
services, whose state is small, and ``store`` is the state folder as a whole.
"""
