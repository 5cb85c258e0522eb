"""The infrastructure of docplatform (AWS CDK). Entry point: app.py."""
