package kubelet

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// line is one line of a container's log.
type line struct {
	at   time.Time
	text string
}

// said is a line that a program writes, and how long after its start.
type said struct {
	after time.Duration
	text  string
}

// loop is what a script does again and again.
type loop struct {
	from, every time.Duration
	turn        func(number int) []said
}

const (
	shortestTurn = 100 * time.Millisecond // a loop that never sleeps would write without end
	keptTurns    = 2000                   // what a node keeps of a log, which it rotates
)

// written is what the container's present run has written until a moment, and when it writes next; never, if that is zero.
func (c *container) written(until time.Time) (lines []line, next time.Time) {
	add := func(at time.Time, text string) {
		switch {
		case !at.After(until):
			lines = append(lines, line{at, dated(text, at)})
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	add(c.startedAt, c.header())
	for _, one := range c.program.lines {
		add(c.startedAt.Add(one.after), one.text)
	}
	if c.program.app {
		for _, text := range c.image.Log {
			add(c.startedAt.Add(c.delay), text)
		}
	}
	if turns := c.program.loop; turns != nil {
		passed := int(max(0, until.Sub(c.startedAt)-turns.from) / turns.every)
		for number := max(0, passed-keptTurns); number <= passed+1; number++ {
			for _, one := range turns.turn(number) {
				add(c.startedAt.Add(turns.from+time.Duration(number)*turns.every+one.after), one.text)
			}
		}
	}
	for index := range lines { // as written one after the other
		lines[index].at = lines[index].at.Add(time.Duration(index) * time.Microsecond)
	}
	return lines, next
}

// log is what the container has written in its present run, or in its last one when it does not run.
func (c *container) log(now time.Time) (lines []line, next time.Time) {
	if c.state.Running == nil {
		return c.previous, time.Time{}
	}
	return c.written(now)
}

// header is every log's first line: it tells that the rest is played.
func (c *container) header() string {
	first, _ := json.Marshal(map[string]string{ // strings can always be written as JSON
		"level": "info", "message": "played by the practice cluster: no container runs here", "image": c.created,
	})
	return string(first)
}

// A date in what a script writes is known when the line is written, not before: until then its format stands there, between two marks.
const dateMark = "\x00"

var dateMarks = regexp.MustCompile(dateMark + "([^" + dateMark + "]*)" + dateMark)

// dateIn is what `date` with these arguments stands for.
func dateIn(args []string) string {
	format := ""
	for _, arg := range args {
		if after, ok := strings.CutPrefix(arg, "+"); ok {
			format = after
		}
	}
	return dateMark + format + dateMark
}

func dated(text string, at time.Time) string {
	if !strings.Contains(text, dateMark) {
		return text
	}
	return dateMarks.ReplaceAllStringFunc(text, func(mark string) string {
		return strftime(cmp.Or(strings.Trim(mark, dateMark), "%a %b %e %T UTC %Y"), at.UTC())
	})
}

// strftime formats a time as date(1) does, as far as logs need it.
func strftime(format string, at time.Time) string {
	var text strings.Builder
	layouts := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'M': "04", 'S': "05", 'T': "15:04:05", 'F': "2006-01-02",
		'a': "Mon", 'b': "Jan", 'y': "06", 'Z': "MST", 'z': "-0700", 'R': "15:04",
	}
	for index := 0; index < len(format); index++ {
		if format[index] != '%' || index+1 == len(format) {
			text.WriteByte(format[index])
			continue
		}
		index++
		switch layout, known := layouts[format[index]]; {
		case format[index] == 's':
			text.WriteString(strconv.FormatInt(at.Unix(), 10))
		case format[index] == 'N':
			text.WriteString(at.Format(".000000000")[1:])
		case known:
			text.WriteString(at.Format(layout))
		default:
			text.WriteByte(format[index])
		}
	}
	return text.String()
}
