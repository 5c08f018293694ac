"""What Kubernetes means by what is written: small pure modules, each with the source of its rules, used by all lessons."""
