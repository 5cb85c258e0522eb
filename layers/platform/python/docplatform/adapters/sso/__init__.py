"""Identity providers. Only functions with the identity layer import ``oidc`` and ``saml``."""
