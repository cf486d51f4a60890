# bash completion for socksan(1). tests/e2e/documentation.sh holds the options here against those of --help.
# shellcheck shell=bash disable=SC2207 # words without blanks

_socksan_options() { # SUBCOMMAND: an option that takes a value ends with =
    local report='--format= --output= --fail-on= --error-exitcode= --max-incidents= --suppressions= --gen-suppressions
        --baseline= --source-root= --color= --quiet --help'
    case $1 in
        run) echo "$report --log-dir= --quarantine= --options= --shim= --version" ;;
        report) echo "$report" ;;
        sockets) echo '--quiet --help' ;;
        diff) echo '--format= --fail-on= --error-exitcode= --color= --quiet --help' ;;
        explain) echo '--help' ;;
    esac
}

_socksan_files() { # WORD [-d]
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen "${2:--f}" -- "$1"))
}

# The value of an option: what was typed of it, and what stands before it in the same word where = breaks none.
_socksan_value() { # SUBCOMMAND OPTION TYPED PREFIX
    local typed=$3 prefix=$4 words=
    case $2 in
        --format)
            words='text json'
            [ "$1" = diff ] || words='text json jsonl html junit sarif github perfetto otlp'
            ;;
        --color) words='auto always never' ;;
        --fail-on)
            words='error warning note all none'
            [[ $typed != *,* ]] || prefix+=${typed%,*},
            typed=${typed##*,}
            ;;
        --output | --suppressions | --baseline | --shim) _socksan_files "$typed" ;;
        --log-dir | --source-root) _socksan_files "$typed" -d ;;
    esac
    [ -z "$words" ] || COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$typed"))
}

# Where the command that is to be run begins: the first word behind `run` that is neither an option nor the value of one.
_socksan_command_index() {
    local i options
    options=$(_socksan_options run)
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --) echo $((i + 1)); return ;;
            -*)
                if [ "${COMP_WORDS[i + 1]-}" = = ]; then
                    ((i += 2))
                elif [[ " $options " == *[[:space:]]"${COMP_WORDS[i]}= "* ]]; then
                    ((i++))
                fi
                ;;
            *) break ;;
        esac
    done
    echo "$i"
}

_socksan_command() { # INDEX
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [ "$COMP_CWORD" = "$1" ]; then
        COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
    else
        _socksan_files "${COMP_WORDS[COMP_CWORD]}"
    fi
}

_socksan() {
    local subcommands='run report sockets diff explain help version'
    local kinds='write-after-peer-close write-after-reset write-after-shutdown write-after-close write-to-reused-fd
        write-before-connect write-to-silent-peer lost-on-close double-close dropped-by-framework'
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} subcommand=${COMP_WORDS[1]} options index
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "$subcommands --help --version" -- "$word"))
        return
    fi
    if [ "$subcommand" = run ]; then
        index=$(_socksan_command_index)
        if [ "$index" -lt "$COMP_CWORD" ] || { [ "$index" = "$COMP_CWORD" ] && [ "$before" = -- ]; }; then
            _socksan_command "$index"
            return
        fi
    fi
    options=$(_socksan_options "$subcommand")
    # "--format=js" is three words where = breaks them, as it usually does, and one where it does not.
    if [ "$word" = = ]; then
        _socksan_value "$subcommand" "$before" '' ''
    elif [ "$before" = = ]; then
        _socksan_value "$subcommand" "${COMP_WORDS[COMP_CWORD - 2]}" "$word" ''
    elif [[ $word == --*=* ]]; then
        _socksan_value "$subcommand" "${word%%=*}" "${word#*=}" "${word%%=*}="
    elif [[ " $options " == *[[:space:]]"$before= "* ]]; then
        _socksan_value "$subcommand" "$before" "$word" ''
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
        [[ ${COMPREPLY[*]-} != *= ]] || compopt -o nospace 2>/dev/null
    else
        case $subcommand in
            run) _socksan_command "$COMP_CWORD" ;;
            help) COMPREPLY=($(compgen -W "$subcommands" -- "$word")) ;;
            explain) COMPREPLY=($(compgen -W "$kinds" -- "$word")) ;;
            report | sockets | diff) _socksan_files "$word" ;;
        esac
    fi
}

complete -F _socksan socksan
