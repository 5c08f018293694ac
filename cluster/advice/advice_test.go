package advice

import "testing"

func TestCommandIsNamedAsTheLearnerCallsIt(t *testing.T) {
	for name, tc := range map[string]struct{ called, want string }{
		"by its own name":         {"", "practice-cluster down --delete"},
		"by the course's command": {"course cluster", "course cluster down --delete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(Variable, tc.called)
			if got := Command("down --delete"); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
