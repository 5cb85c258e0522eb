"""The REST API's authorizer: access tokens and API keys."""
