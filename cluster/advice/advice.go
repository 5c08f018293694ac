// Package advice words what a learner can type next.
package advice

import "os"

// Variable names the command by which the program was called where that is not its own name: `course cluster`, for one who has the course's
// command and no practice-cluster on PATH.
const Variable = "PRACTICE_CLUSTER_COMMAND"

// Command is what to type to have the practice cluster do something: Command("up") is `practice-cluster up`.
func Command(words string) string {
	name := os.Getenv(Variable)
	if name == "" {
		name = "practice-cluster"
	}
	return name + " " + words
}
