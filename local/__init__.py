"""The local cloud: the deployment's own templates in an AWS emulator on loopback, with IAM enforced."""
