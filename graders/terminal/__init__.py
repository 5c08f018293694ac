"""What makes `grade` a good citizen of the terminal: what a learner types, what is read then, and where it is shown."""
