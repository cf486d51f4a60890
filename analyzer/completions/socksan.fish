# fish completion for socksan(1). tests/e2e/documentation.sh holds the options here against those of --help.

set -l subcommands run report sockets diff explain help version
set -l kinds write-after-peer-close write-after-reset write-after-shutdown write-after-close write-to-reused-fd \
    write-before-connect write-to-silent-peer lost-on-close double-close dropped-by-framework

# The command that is to be run, completed as if it stood alone.
function __socksan_command
    set -l words (commandline -opc) (commandline -ct)
    set -l first (count $words)
    set -l takes_value 0
    for i in (seq 3 (math (count $words) - 1))
        if test $takes_value = 1
            set takes_value 0
            continue
        end
        switch $words[$i]
            case --
                set first (math $i + 1)
                break
            case --format --output --fail-on --error-exitcode --max-incidents --suppressions --baseline --source-root --color --log-dir \
                --quarantine --options --shim
                set takes_value 1
            case '-*'
            case '*'
                set first $i
                break
        end
    end
    # An option of socksan, or the value of one, is no command.
    if test $takes_value = 0; and not string match -q -- '-*' $words[$first]
        complete -C (string join ' ' -- $words[$first..-1])
    end
end

function __socksan_severities
    set -l typed (commandline -ct | string replace -r '^--fail-on=' '')
    set -l before (string match -r '^.*,' -- $typed)
    printf '%s\n' $before{error,warning,note,all,none}
end

complete -c socksan -f
complete -c socksan -n "not __fish_seen_subcommand_from $subcommands" -l help -d 'List the subcommands'
complete -c socksan -n "not __fish_seen_subcommand_from $subcommands" -l version -d 'The version of socksan'
complete -c socksan -n __fish_use_subcommand -a run -d 'Audit a command and all its children, then report'
complete -c socksan -n __fish_use_subcommand -a report -d 'Summarize traces'
complete -c socksan -n __fish_use_subcommand -a sockets -d 'Every connection in traces'
complete -c socksan -n __fish_use_subcommand -a diff -d 'Incidents that are new, gone and still there'
complete -c socksan -n __fish_use_subcommand -a explain -d 'What a kind of incident means'
complete -c socksan -n __fish_use_subcommand -a help -d 'The options of a subcommand'
complete -c socksan -n __fish_use_subcommand -a version -d 'The version of socksan'

set -l report '__fish_seen_subcommand_from run report'
set -l common '__fish_seen_subcommand_from run report diff'
complete -c socksan -n $report -l format -xa 'text json jsonl html junit sarif github perfetto otlp' -d 'Report format'
complete -c socksan -n '__fish_seen_subcommand_from diff' -l format -xa 'text json' -d 'Report format'
complete -c socksan -n $report -l output -rF -d 'Where the format before it goes'
complete -c socksan -n $common -l fail-on -xa '(__socksan_severities)' -d 'Severities that change the exit status'
complete -c socksan -n $common -l error-exitcode -x -d 'Exit status where incidents remain'
complete -c socksan -n $report -l max-incidents -x -d 'Places that a text report shows'
complete -c socksan -n $report -l suppressions -rF -d 'Rules for what not to report'
complete -c socksan -n $report -l gen-suppressions -d 'Propose such rules'
complete -c socksan -n $report -l source-root -xa '(__fish_complete_directories)' -d 'Show source lines from below a directory, too'
complete -c socksan -n $report -l baseline -rF -d 'Report only what is new since'
complete -c socksan -n $common -l color -xa 'auto always never' -d 'When text is coloured'
complete -c socksan -n '__fish_seen_subcommand_from run report sockets diff' -s q -l quiet -d 'No progress, no needless text'
complete -c socksan -n '__fish_seen_subcommand_from run report sockets diff explain' -l help -d 'List the options'

set -l run '__fish_seen_subcommand_from run'
complete -c socksan -n $run -l log-dir -xa '(__fish_complete_directories)' -d 'Keep the traces'
complete -c socksan -n $run -l quarantine -x -d 'Park numbers of closed sockets'
complete -c socksan -n $run -l options -x -d 'Options for the library'
complete -c socksan -n $run -l shim -rF -d 'The libsocksan.so to preload'
complete -c socksan -n $run -s h -d 'List the options'
complete -c socksan -n $run -l version -d 'The version of socksan'
complete -c socksan -n $run -a '(__socksan_command)'

complete -c socksan -n '__fish_seen_subcommand_from report sockets diff' -F
complete -c socksan -n '__fish_seen_subcommand_from explain' -a "$kinds"
complete -c socksan -n '__fish_seen_subcommand_from help' -a "$subcommands"
