"""The region's health and the OpenAPI document."""
