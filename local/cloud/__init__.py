"""The cloud's process. Runs in a virtual environment of its own, because the emulator pins botocore exactly."""
