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
	lines  []said        // what it writes
	loop   *loop         // what it writes again and again
	files  []touched     // what it makes and removes
	app    bool          // it is the image's own app, which listens after a while
	ends   bool          // it ends by itself …
	after  time.Duration // … this long after its start …
	code   int32         // … with this exit code
	reason string        // and these last words
	killed string        // why the kernel or the kubelet ends it, if it is not by itself
}

// surroundings are what a command can see of its container.
type surroundings struct {
	env   map[string]string
	files map[string]string // path to content, of the ConfigMaps and Secrets that are mounted
}

// outcome of one command: unknown ones are left to the caller's judgement.
type result struct {
	lines   []said
	loop    *loop
	files   []touched
	memory  int64 // what it uses, where the command says so
	after   time.Duration
	code    int32
	forever bool
	exit    bool // the script ends here
	unknown bool
}

// touched is a file that a script makes or removes.
type touched struct {
	after time.Duration
	path  string
	there bool
}

// saidAt are lines that are written at once, that long after the start.
func saidAt(after time.Duration, texts ...string) []said {
	var lines []said
	for _, text := range texts {
		lines = append(lines, said{after, text})
	}
	return lines
}

// interpret plays a command as far as a course needs it: sleep, true, false, echo, exit, ls, cat, env, date, stress, and sh -c with a list of
// them. All else is unknown.
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
	case "true", ":", "set", "trap", "cd", "mkdir", "export", "chmod", "chown":
		return result{}
	case "touch", "rm":
		var files []touched
		for _, arg := range args {
			if !strings.HasPrefix(arg, "-") {
				files = append(files, touched{path: path.Clean(arg), there: name == "touch"})
			}
		}
		return result{files: files}
	case "date":
		return result{lines: saidAt(0, dateIn(args))}
	case "hostname":
		return result{lines: saidAt(0, around.env["HOSTNAME"])}
	case "stress":
		return stress(args)
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
		return result{lines: saidAt(0, strings.Split(strings.Join(args, " "), "\n")...)}
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
			return result{code: 1, lines: saidAt(0, fmt.Sprintf("sleep: invalid number '%s'", arg))}
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
		return result{lines: saidAt(0, lines...)}
	}
	value, ok := around.env[args[0]]
	if !ok {
		return result{code: 1}
	}
	return result{lines: saidAt(0, value)}
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
	return result{lines: saidAt(0, slices.Compact(lines)...), unknown: !known}
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
	return result{lines: saidAt(0, lines...), unknown: len(args) == 0}
}

// interpretScript plays a list of commands. Loops and conditions are beyond it: a script with them is unknown, but for one that
// plainly never ends.
func interpretScript(script string, around surroundings) result {
	if found := endless.FindStringSubmatch(script); found != nil && !strings.Contains(found[3], "break") {
		return interpretLoop(found[1], found[2], found[3], around)
	}
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
		for _, line := range one.lines {
			if !command.quiet {
				all.lines = append(all.lines, said{all.after + line.after, line.text})
			}
		}
		for _, file := range one.files {
			file.after += all.after
			all.files = append(all.files, file)
		}
		if one.loop != nil {
			all.loop = one.loop
			all.loop.from += all.after
		}
		all.after += one.after
		all.code, all.unknown, all.memory = one.code, one.unknown, max(all.memory, one.memory)
		if one.forever || one.exit {
			all.forever, all.exit = one.forever, one.exit
			return all
		}
	}
	return all
}

// endless finds a loop without an end, with what is before it, between the turns and in them; counting, what it counts.
var (
	endless  = regexp.MustCompile(`(?s)^(.*?)\bwhile\s+(true|:|1|\[\s*1\s*\]|sleep\s+[^;\s]+)\s*[;\n]\s*do\s(.*)\bdone\b`)
	counting = regexp.MustCompile(`\b(\w+)=\$\(\(\s*\$?(\w+)\s*\+\s*(\d+)\s*\)\)`)
)

// interpretLoop plays a loop without an end: every turn anew, since what it writes may count or tell the time.
func interpretLoop(before, condition, body string, around surroundings) result {
	all := interpretScript(before, around)
	if all.exit || all.forever {
		return all
	}
	all.forever, all.unknown = true, false
	each := condition + ";" + body
	once := interpretScript(each, around)
	if once.exit || once.forever {
		all.lines = append(all.lines, once.lines...)
		return all
	}
	counter, start, step := counted(before, body)
	all.loop = &loop{from: all.after, every: max(shortestTurn, once.after), turn: func(number int) []said {
		if counter == "" {
			return once.lines
		}
		env := maps.Clone(around.env)
		env[counter] = strconv.Itoa(start + number*step)
		return interpretScript(each, surroundings{env: env, files: around.files}).lines
	}}
	return all
}

// counted is the variable that a loop counts up, from what it is in the first turn, by how much.
func counted(before, body string) (name string, start, step int) {
	place := counting.FindStringSubmatchIndex(body)
	if place == nil {
		return "", 0, 0
	}
	found := counting.FindStringSubmatch(body)
	name = found[1]
	step, _ = strconv.Atoi(found[3])
	if set := regexp.MustCompile(`\b` + name + `=(\d+)`).FindStringSubmatch(before); set != nil {
		start, _ = strconv.Atoi(set[1])
	}
	if place[0] < strings.Index(body, "echo") {
		start += step
	}
	return name, start, step
}

// stress is the tool that tutorials fill a container's memory with: `stress --vm 1 --vm-bytes 150M`.
func stress(args []string) result {
	workers, size := int64(0), int64(256<<20)
	for index := 0; index+1 < len(args); index++ {
		switch args[index] {
		case "--vm", "-m":
			workers, _ = strconv.ParseInt(args[index+1], 10, 64)
		case "--vm-bytes":
			size = bytesOf(args[index+1])
		}
	}
	return result{forever: true, memory: workers * size}
}

// bytesOf reads a size as stress has it, in powers of 1024: 250M, 1G.
func bytesOf(size string) int64 {
	shift := strings.IndexByte("BKMG", strings.ToUpper(size + " ")[len(size)-1])
	number, _ := strconv.ParseInt(strings.TrimRight(size, "BKMGbkmg"), 10, 64)
	return number << (10 * max(0, shift))
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
	env = maps.Clone(env)
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
		if isAssignment(current.words) { // the shell's own from here on
			for _, word := range current.words {
				name, value, _ := strings.Cut(word, "=")
				if !strings.HasPrefix(value, "$(") { // what is counted is the loop's business
					env[name] = value
				}
			}
		}
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

func isAssignment(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !assignment.MatchString(word) })
}

var (
	// substitution is a command whose output is known.
	substitution = regexp.MustCompile(`^\$\((date|hostname)([^()]*)\)`)
	redirect     = regexp.MustCompile(`^[12]?[<>]`)
	named        = regexp.MustCompile(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{(#?)([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\})`)
)

// variable expands a reference to a variable at the start of text, and tells how long that is.
func variable(text string, env map[string]string) (string, int) {
	if found := substitution.FindStringSubmatch(text); found != nil {
		if found[1] == "hostname" {
			return env["HOSTNAME"], len(found[0])
		}
		return dateIn(splitWords(found[2])), len(found[0])
	}
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

// splitWords are the words of a text without operators.
func splitWords(text string) []string {
	var words []string
	for _, command := range split(text, nil) {
		words = append(words, command.words...)
	}
	return words
}
