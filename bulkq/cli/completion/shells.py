r"""The completion scripts for bash, zsh and fish, and how each of them passes the command line.

They replace Click's own scripts, which fail on `FILE:NAME` in bash (":" ends a word there), on `--option=VALUE` in zsh and fish, and on
a comma in a description in fish. A line of an answer is `KIND<TAB>VALUE<TAB>HELP`. Kinds:

    plain   a value
    open    a value that goes on, so that no space follows it: `checks/`, `sqlite:///`
    file    the shell completes a path itself
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from bulkq.cli.completion.values import path_items
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "_BULKQ_COMPLETE"
"""Environment variable that asks for an answer, or for a script; the name is the one that Click would use."""

LONGEST_HELP = 70

_OPEN = ("/", ":", "=")
_SENTINEL = "\x01"
_QUOTES = "\"'"
_SPECIAL = compile_late(r"""([\s"'\\$&;|<>()*?`#!\[\]{}~])""")

_BASH = """\
# bash completion for bulkq: eval "$(bulkq completion bash)"
_bulkq_completion() {
    local kind value
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value _; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            open) COMPREPLY+=("$value"); compopt -o nospace ;;
            file) compopt -o default ;;
        esac
    done < <(_BULKQ_COMPLETE=bash_complete COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_NAME="$1" \\
        COMP_WORD="${COMP_WORDS[COMP_CWORD]}" COMP_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
}
complete -o nosort -F _bulkq_completion bulkq
"""

_ZSH = """\
#compdef bulkq
# zsh completion for bulkq: eval "$(bulkq completion zsh)", or write it to a file _bulkq in a folder of $fpath
_bulkq_completion() {
    local -a plain described open lines
    local line kind value help files=0
    lines=("${(@f)$(_BULKQ_COMPLETE=zsh_complete COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) "${words[1]}" 2>/dev/null)}")
    for line in $lines; do
        IFS=$'\\t' read -r kind value help <<< "$line"
        case $kind in
            open) open+=("$value") ;;
            plain) if [[ -n $help ]]; then described+=("${value//:/\\\\:}:$help"); else plain+=("$value"); fi ;;
            file) files=1 ;;
        esac
    done
    (( files )) && _files
    (( $#described )) && _describe -V bulkq described -U
    (( $#plain )) && compadd -U -V bulkq -a plain
    (( $#open )) && compadd -U -S '' -V bulkq -a open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _bulkq_completion "$@"
else
    compdef _bulkq_completion bulkq
fi
"""

_FISH = """\
# fish completion for bulkq: bulkq completion fish | source, or write it to ~/.config/fish/completions/bulkq.fish
function _bulkq_completion
    set -l name (commandline -opc)[1]
    for line in (env _BULKQ_COMPLETE=fish_complete COMP_WORDS=(commandline -cp | string collect) \\
            COMP_CWORD=(commandline -ct | string collect --allow-empty) $name 2>/dev/null)
        set -l parts (string split -m 1 \\t -- $line)
        switch $parts[1]
            case file
                __fish_complete_path (commandline -ct)
            case plain open
                printf '%s\\n' $parts[2]
        end
    end
end
complete --no-files --keep-order --command bulkq --arguments "(_bulkq_completion)"
"""


class BashCompletion(BashComplete):
    """Splits the line itself, because bash also splits words at ":" and "="."""

    source_template: ClassVar[str] = _BASH

    def __init__(self, *arguments: object) -> None:
        """Take what `click.shell_completion.ShellComplete` takes."""
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._kept = ""
        self._quoted = False

    def source(self) -> str:
        """Return the script, without asking bash for its version."""
        return _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor's, and the cursor's word; remember the part of it that bash keeps."""
        *before, last = split_arg_string(os.environ["COMP_LINE"] + _SENTINEL)
        incomplete = last.removesuffix(_SENTINEL)
        word = os.environ.get("COMP_WORD", "")
        self._quoted = word[:1] in _QUOTES and word != ""
        breaks = set(os.environ.get("COMP_BREAKS", "")) - set(_QUOTES)
        rest = "" if set(word) <= breaks else word.lstrip(_QUOTES)
        self._kept = incomplete.removesuffix(rest) if incomplete.endswith(rest) else ""
        return _after_program(before), incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the values, each with the whole word."""
        return _whole(super().get_completions, args, incomplete)

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the line of an answer, without the part of the word that bash keeps."""
        value = item.value.removeprefix(self._kept)
        return _line(item, value if self._quoted else _SPECIAL.sub(r"\\\1", value))


class ZshCompletion(ZshComplete):
    """zsh passes words as they are typed."""

    source_template: ClassVar[str] = _ZSH

    def source(self) -> str:
        """Return the script."""
        return _ZSH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the values, each with the whole word."""
        return _whole(super().get_completions, args, incomplete)

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the line of an answer."""
        return _line(item, item.value)


class FishCompletion(FishComplete):
    """fish passes the line and the cursor's word."""

    source_template: ClassVar[str] = _FISH

    def source(self) -> str:
        """Return the script."""
        return _FISH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the values, each with the whole word."""
        return _whole(super().get_completions, args, incomplete)

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the line of an answer."""
        return _line(item, item.value)


SHELLS: dict[str, type[ShellComplete]] = {"bash": BashCompletion, "zsh": ZshCompletion, "fish": FishCompletion}


def _whole(
    complete: Callable[[list[str], str], list[CompletionItem[str]]], args: list[str], incomplete: str
) -> list[CompletionItem[str]]:
    """Return what `complete` finds. Click drops `--option=` from the values; put it back, because the shell replaces the word."""
    found = complete(args, incomplete)
    option, equals, rest = incomplete.partition("=")
    if not equals or not option.startswith("--"):
        return found
    values = [each for item in found for each in (path_items(rest) if item.type == "file" else [item])]
    return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in values]


def _after_program(words: list[str]) -> list[str]:
    """Return the words after the name of the program; assignments of variables may stand before it."""
    names = [PurePath(word).name for word in words]
    program = PurePath(os.environ.get("COMP_NAME", "bulkq")).name
    return words[names.index(program) + 1 :] if program in names else words[1:]


def _line(item: CompletionItem[str], value: str) -> str:
    kind = "open" if item.type == "plain" and value.endswith(_OPEN) else item.type
    return f"{kind}\t{value}\t{_first_sentence(item.help or '')}"


def _first_sentence(text: str) -> str:
    first = re.split(r"(?<=\w)[.;:] ", " ".join(text.split()), maxsplit=1)[0].rstrip(".")
    return first if len(first) <= LONGEST_HELP else f"{first[: LONGEST_HELP - 3]}..."
