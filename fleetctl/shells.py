"""What makes the shells complete: each hands the words so far to `fleetctl __complete`."""

SCRIPTS = {
    "bash": """\
_fleetctl() {
    local line="${COMP_LINE:0:COMP_POINT}" words word breaks
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word="${words[-1]}"
    # bash breaks words at some characters, and puts in only what comes after them.
    breaks="${word%"$2"}"
    mapfile -t COMPREPLY < <(fleetctl __complete "${words[@]:1}" 2>/dev/null </dev/null)
    COMPREPLY=("${COMPREPLY[@]#"$breaks"}")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace
}
complete -o default -F _fleetctl fleetctl
""",
    "zsh": """\
#compdef fleetctl
_fleetctl() {
    local -a found
    found=("${(@f)$(fleetctl __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
    found=(${found:#})
    (( $#found )) || { _files; return }
    # No space comes after what goes on.
    compadd -S '' -- ${(M)found:#*[=/]}
    compadd -- ${found:#*[=/]}
}
if [[ $funcstack[1] == _fleetctl ]]; then
    _fleetctl "$@"
else
    compdef _fleetctl fleetctl
fi
""",
    "fish": """\
function __fleetctl_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    # Nothing at all would be no word.
    fleetctl __complete $words[2..-1] "$last" 2>/dev/null </dev/null
end
complete -c fleetctl -f -a '(__fleetctl_complete)'
""",
}
