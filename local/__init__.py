"""The local cloud: the templates of the deployment in an AWS emulator on loopback, with IAM enforced; and the commands of ``./dp``."""
