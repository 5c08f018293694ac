"""What the API server would reject, told before it is asked: rules beyond the schema, by kind."""
