"""The cloud's process. It runs in a virtual environment of its own, because the emulator pins botocore exactly."""
