"""A real OpenID provider for tests: the certified `oidc-provider`, with people and faults that a test decides."""
