package kubelet

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// program is what a container is played to do once it runs.
type program struct {
	lines  []string      // what it writes at its start
	app    bool          // it is the image's own app, which listens after a while
	ends   bool          // it ends by itself …
	after  time.Duration // … this long after its start …
	code   int32         // … with this exit code
	reason string        // and these last words
}

// surroundings are what a command can see of its container.
type surroundings struct {
	env   map[string]string
	files map[string]string // path to content, of the ConfigMaps and Secrets that are mounted
}

// outcome of one command: unknown ones are left to the caller's judgement.
type result struct {
	lines   []string
	after   time.Duration
	code    int32
	forever bool
	exit    bool // the script ends here
	unknown bool
}

// interpret plays a command as far as a course needs it: sleep, true, false, echo, exit, ls, cat, env, and sh -c with a list of them.
// All else is unknown.
func interpret(argv []string, around surroundings) result {
	for len(argv) > 0 && (argv[0] == "exec" || assignment.MatchString(argv[0])) {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		return result{}
	}
	name, args := path.Base(argv[0]), argv[1:]
	switch name {
	case "sh", "bash", "ash":
		if script, ok := scriptOf(args); ok {
			return interpretScript(script, around)
		}
		return result{unknown: true}
	case "true", ":", "set", "trap", "cd", "mkdir", "touch", "export", "chmod", "chown":
		return result{}
	case "false":
		return result{code: 1}
	case "exit":
		code := 0
		if len(args) > 0 {
			code, _ = strconv.Atoi(args[0])
		}
		return result{code: int32(code & 0xff), exit: true}
	case "sleep":
		return sleep(args)
	case "echo", "printf":
		for len(args) > 0 && (args[0] == "-n" || args[0] == "-e") {
			args = args[1:]
		}
		return result{lines: strings.Split(strings.Join(args, " "), "\n")}
	case "env", "printenv":
		return printEnv(args, around)
	case "ls":
		return list(args, around)
	case "cat":
		return cat(args, around)
	case "tail":
		return result{forever: slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") && strings.ContainsAny(arg, "fF") })}
	}
	return result{unknown: true}
}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// scriptOf finds the script among the arguments of a shell: `-c`, `-ec`, `-euo pipefail -c`.
func scriptOf(args []string) (string, bool) {
	for index, arg := range args {
		if strings.HasPrefix(arg, "-") && strings.HasSuffix(arg, "c") && index+1 < len(args) {
			return args[index+1], true
		}
	}
	return "", false
}

func sleep(args []string) result {
	var total time.Duration
	for _, arg := range args {
		if arg == "infinity" || arg == "inf" {
			return result{forever: true}
		}
		if last := arg[len(arg)-1:]; last >= "0" && last <= "9" {
			arg += "s"
		}
		if number, ok := strings.CutSuffix(arg, "d"); ok {
			if days, err := strconv.ParseFloat(number, 64); err == nil {
				total += time.Duration(days * 24 * float64(time.Hour))
				continue
			}
		}
		part, err := time.ParseDuration(arg)
		if err != nil {
			return result{code: 1, lines: []string{fmt.Sprintf("sleep: invalid number '%s'", arg)}}
		}
		total += part
	}
	return result{after: total}
}

func printEnv(args []string, around surroundings) result {
	if len(args) == 0 {
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(around.env)) {
			lines = append(lines, name+"="+around.env[name])
		}
		return result{lines: lines}
	}
	value, ok := around.env[args[0]]
	if !ok {
		return result{code: 1}
	}
	return result{lines: []string{value}}
}

func list(args []string, around surroundings) result {
	var lines []string
	known := false
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		folder := path.Clean(arg) + "/"
		for _, file := range slices.Sorted(maps.Keys(around.files)) {
			if rest, ok := strings.CutPrefix(file, folder); ok {
				known = true
				lines = append(lines, strings.SplitN(rest, "/", 2)[0])
			} else if file == path.Clean(arg) {
				known = true
				lines = append(lines, arg)
			}
		}
	}
	return result{lines: slices.Compact(lines), unknown: !known}
}

func cat(args []string, around surroundings) result {
	var lines []string
	for _, arg := range args {
		content, ok := around.files[path.Clean(arg)]
		if !ok {
			return result{unknown: true}
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(content, "\n"), "\n")...)
	}
	return result{lines: lines, unknown: len(args) == 0}
}

// interpretScript plays a list of commands. Loops and conditions are beyond it: a script with them is unknown, but for one that
// plainly never ends.
func interpretScript(script string, around surroundings) result {
	var all result
	skip := false
	for _, command := range split(script, around.env) {
		words := command.words
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "while":
			if len(words) > 1 && slices.Contains([]string{"true", ":", "sleep", "[", "1"}, words[1]) {
				all.forever = true
			} else {
				all.unknown = true
			}
			return all
		case "until", "for", "if", "case", "(", "{":
			all.unknown = true
			return all
		}
		if command.operator == "&&" && all.code != 0 || command.operator == "||" && all.code == 0 {
			skip = true
		} else if command.operator == ";" {
			skip = false
		} else if command.operator == "&&" || command.operator == "||" {
			skip = false
		}
		if skip || command.operator == "|" {
			continue
		}
		one := interpret(words, around)
		if !command.quiet {
			all.lines = append(all.lines, one.lines...)
		}
		all.after += one.after
		all.code, all.unknown = one.code, one.unknown
		if one.forever || one.exit {
			all.forever, all.exit = one.forever, one.exit
			return all
		}
	}
	return all
}

// simple is one command of a script, with the operator before it.
type simple struct {
	operator string
	words    []string
	quiet    bool // its output goes to a file
}

// split reads a script as a shell would, as far as quotes, variables and the operators between commands go.
func split(script string, env map[string]string) []simple {
	var commands []simple
	current := simple{operator: ";"}
	var word strings.Builder
	inWord := false
	endWord := func() {
		if inWord {
			text := word.String()
			if redirect.MatchString(text) {
				current.quiet = current.quiet || !strings.Contains(text, "&") && !strings.Contains(text, "/dev/std") && !strings.HasPrefix(text, "2")
			} else {
				current.words = append(current.words, text)
			}
		}
		word.Reset()
		inWord = false
	}
	endCommand := func(operator string) {
		endWord()
		commands = append(commands, current)
		current = simple{operator: operator}
	}
	for index := 0; index < len(script); index++ {
		char := script[index]
		switch {
		case char == '\'':
			end := strings.IndexByte(script[index+1:], '\'')
			if end < 0 {
				end = len(script) - index - 1
			}
			word.WriteString(script[index+1 : index+1+end])
			inWord = true
			index += end + 1
		case char == '"':
			inWord = true
			for index++; index < len(script) && script[index] != '"'; index++ {
				if script[index] == '\\' && index+1 < len(script) {
					index++
					word.WriteByte(script[index])
				} else if script[index] == '$' {
					value, used := variable(script[index:], env)
					word.WriteString(value)
					index += used - 1
				} else {
					word.WriteByte(script[index])
				}
			}
		case char == '$':
			value, used := variable(script[index:], env)
			word.WriteString(value)
			inWord = true
			index += used - 1
		case char == '#' && !inWord:
			for index < len(script) && script[index] != '\n' {
				index++
			}
			endCommand(";")
		case char == ';' || char == '\n':
			endCommand(";")
		case char == '&' && strings.HasSuffix(word.String(), ">"):
			word.WriteByte(char)
		case char == '&' || char == '|':
			operator := string(char)
			if index+1 < len(script) && script[index+1] == char {
				operator += operator
				index++
			}
			if operator == "&" {
				operator = ";"
			}
			endCommand(operator)
		case char == '>' || char == '<':
			if !(inWord && (word.String() == "2" || word.String() == "1" || word.String() == ">")) {
				endWord()
			}
			word.WriteByte(char)
			inWord = true
			for index+1 < len(script) && script[index+1] == ' ' {
				index++
			}
		case char == '\\' && index+1 < len(script):
			index++
			if script[index] != '\n' {
				word.WriteByte(script[index])
				inWord = true
			}
		case char == ' ' || char == '\t':
			endWord()
		default:
			word.WriteByte(char)
			inWord = true
		}
	}
	endCommand(";")
	return commands
}

var (
	redirect = regexp.MustCompile(`^[12]?[<>]`)
	named    = regexp.MustCompile(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{(#?)([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\})`)
)

// variable expands a reference to a variable at the start of text, and tells how long that is.
func variable(text string, env map[string]string) (string, int) {
	found := named.FindStringSubmatch(text)
	if found == nil {
		return "$", 1
	}
	value := env[found[1]+found[3]]
	if found[2] == "#" {
		value = strconv.Itoa(len(value))
	} else if value == "" {
		value = found[4]
	}
	return value, len(found[0])
}
