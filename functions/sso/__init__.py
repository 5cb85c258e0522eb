"""Single sign-on: the sign-in, and the connection with the identity provider."""
