# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# stress-ng.sh: stress-ng's stressors of sockets, descriptors, polling and exec, each for a bounded number of
# operations. They check what they get back (--verify), and pass where all was as it must be.

suite_packages='stress-ng'
suite_programs='stress-ng'
suite_limit=400
suite_version=$(stress-ng --version 2>/dev/null | cut -d ' ' -f 1-3)

# A stressor, its operations, and what else it is given. Few operations where one is many system calls.
suite_stressors='
sock 200 --sock-domain ipv4
sock 200 --sock-domain ipv6
sock 200 --sock-domain ipv4 --sock-opts sendmsg
sock 200 --sock-domain ipv4 --sock-opts sendmmsg
sock 200 --sock-domain ipv4 --sock-protocol mptcp
sockabuse 20
sockdiag 50
sockfd 2000
sockmany 2000
sockpair 5000
udp 2000 --udp-domain ipv4
udp 2000 --udp-domain ipv6
udp 2000 --udp-lite
udp-flood 2000
icmp-flood 500
ping-sock 500
rawsock 500
rawudp 500
rawpkt 100
dccp 100
sctp 100
tun 20
netdev 100
netlink-proc 50
netlink-task 500
epoll 500 --epoll-domain unix
epoll 500 --epoll-domain ipv4
poll 1000
dup 500
close 500
eventfd 2000
fcntl 500
sigio 500
sigpipe 500
io-uring 50
aio 200
fifo 2000
pipe 5000
pipeherd 2000
sendfile 200
splice 1000
tee 500
vm-splice 1000
fork 200
vfork 200
exec 50
spawn 50
daemon 50
clone 100
zombie 100
'

suite_run() { # [TEST...]
    local stressor operations options name wanted
    wanted=$(printf '%s\n' "$@")
    while read -r stressor operations options; do
        [ -n "$stressor" ] || continue
        name=$stressor${options:+ $options}
        [ $# = 0 ] || grep -qxF -e "$name" <<<"$wanted" || continue
        # shellcheck disable=SC2086 # words
        timeout -k 5 40 stress-ng --"$stressor" 1 --"$stressor"-ops "$operations" $options --verify -t 20 2>&1
        echo "stressor $name: status $?"
    done <<<"$suite_stressors"
}

# 3 and 4 are: not enough of something, not here.
suite_results() {
    sed -nE 's/^stressor (.*): status 0$/\1\tpassed/p; s/^stressor (.*): (status [34])$/\1\tskipped: \2/p
        s/^stressor (.*): (status .*)/\1\tfailed: \2/p'
}
