"""Completion scripts for bash, zsh and fish, made from the parser and the lessons, so that they are never out of date."""

from __future__ import annotations

from graders.lessons import LESSONS, all_lessons
from graders.terminal.arguments import COMMANDS, FORMATS, KUBERNETES, SHELLS, flags
from graders.terminal.names import ALL

_PATHS = ("-f", "--file", "--kubeconfig")
_FREE = ("-n", "--namespace", "--context", "--timeout", "--wait")


def script(shell: str) -> str:
    """The script for `bash`, `zsh` or `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()


def _words() -> dict[str, tuple[str, ...]]:
    """What may follow a flag."""
    objectives = tuple(sorted({objective.id for lesson in all_lessons() for objective in lesson.objectives}))
    return {"--format": FORMATS, "--kubernetes": KUBERNETES, "--completion": SHELLS, "--explain": objectives}


def _lessons() -> dict[str, str]:
    """What names a lesson, and its title; and what stands there instead."""
    named = {name: entry.title for entry in LESSONS for name in (entry.id, *entry.names)}
    return {**named, ALL: "every lesson", **COMMANDS}


def _bash() -> str:
    cases = "\n".join(
        f'        {flag}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word")); return ;;' for flag, words in _words().items()
    )
    return f"""\
# bash completion for grade. Use it with: source <(grade --completion bash)
_grade() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    if [[ $word == "=" ]]; then  # --format=
        word=
    elif [[ $before == "=" ]]; then
        before=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    COMPREPLY=()
    case $before in
{cases}
        {"|".join(_PATHS)})
            local IFS=$'\\n'
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$word"))
            return ;;
        {"|".join(_FREE)}) return ;;
    esac
    case $word in
        -*) COMPREPLY=($(compgen -W "{" ".join(flags())}" -- "$word")) ;;
        *) COMPREPLY=($(compgen -W "{" ".join(_lessons())}" -- "$word")) ;;
    esac
}}
complete -F _grade grade
"""


def _zsh() -> str:
    words = _words()
    rows = []
    for flag, summary in flags().items():
        text = summary.replace("'", "").replace("[", "(").replace("]", ")").replace(":", " ")
        if flag in words:
            rows.append(f"'{flag}[{text}]:value:({' '.join(words[flag])})'")
        elif flag in _PATHS:
            rows.append(f"'*{flag}[{text}]:path:_files'")
        elif flag in _FREE:
            rows.append(f"'{flag}[{text}]:value:'")
        else:
            rows.append(f"'{flag}[{text}]'")
    listed = " \\\n        ".join(rows)
    return f"""\
#compdef grade
# zsh completion for grade. Use it with: source <(grade --completion zsh), or save it as _grade in a folder of your fpath.
_grade() {{
    _arguments \\
        {listed} \\
        '1:lesson:({" ".join(_lessons())})'
}}
if [[ ${{funcstack[1]}} == _grade ]]; then
    _grade "$@"
else
    compdef _grade grade
fi
"""


def _fish() -> str:
    words = _words()
    lines = ["# fish completion for grade. Use it with: grade --completion fish | source", "complete -c grade -f"]
    for flag, summary in flags().items():
        name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
        text = summary.replace("'", "")
        if flag in words:
            lines.append(f"complete -c grade {name} -x -a '{' '.join(words[flag])}' -d '{text}'")
        elif flag in _PATHS:
            lines.append(f"complete -c grade {name} -r -F -d '{text}'")
        else:
            lines.append(f"complete -c grade {name}{' -x' if flag in _FREE else ''} -d '{text}'")
    lines += [f"complete -c grade -n __fish_use_subcommand -a '{name}' -d '{title}'" for name, title in _lessons().items()]
    return "\n".join([*lines, ""])
