# shellcheck shell=bash
# lib_names.sh: for scripts that take the names of their tests as arguments, in the array $names.

# Whether a test is to run: no names were given, or one of them is part of its own.
wanted() { # NAME
    local name
    [ ${#names[@]} -gt 0 ] || return 0
    for name in "${names[@]}"; do
        [[ $1 == *"$name"* ]] && return 0
    done
    return 1
}
