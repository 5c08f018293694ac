"""What the commands do, without the terminal."""
