# truth-explain.jq: pair the sends that the kernel's record and the report know under different names.
#
#   jq -n --slurpfile truth TRUTH.jsonl --slurpfile report REPORT.json -f truth-explain.jq
#
# The record (kernel-truth) knows a socket by its address in the kernel. It learns state and ports from changes of state
# alone, and keeps them when the address comes to serve another socket. So it has the wrong ports for a socket that has
# gone through no change which told its own, and leaves out one at an address where it has seen no change at all. The
# report has the same sends as writes before connect. A send is paired with a socket only where both files bear it out:
#
#   - the same process; the socket was made there, open, and not connected at the time of the send;
#   - the report has no socket with the ports of the record open at that time that wrote anything;
#   - both sides lack it: the record has more sends under its name than the report, and the report more under its own;
#   - one of the reasons below holds.
#
# Prints {truth, explained}: the record with what was paired put right, and a line for each pair of names.
#
# A thread may stand still between its look at the socket and its call, on a busy machine for longer than what
# compare-truth takes for a race. The report has such a write as an incident that began before the connection ended and
# was refused because it had; that is no count of writes after the end. So the send becomes a racing one.
#
# One sort of send is no write to a dead connection at all. A send may open the connection (MSG_FASTOPEN); the record
# has it as one on a closed socket, whose last change of state is older than the socket. Nothing but such a send gets
# anything but EPIPE from a socket that was never connected (net/ipv4/tcp.c tcp_sendmsg_locked). These are left out, a
# line for each.

def race_ns: 50000; # what compare-truth takes for a race

def is_race: .age_ns < race_ns;
def changed_ns: .t_ns - .age_ns;
def recorded_ports: "\(.pid) \(.lport) \(.rport)";
def ports: "\(.pid) \(.local_port) \(.peer_port)";
def dead: .writes_after.reset + .writes_after.shutdown + .writes_before_connect;
def is_open($t): .opened_ns <= $t and (.closed_ns == 0 or $t <= .closed_ns);
def may_be_unconnected($t):
  (.origin == "socket" or .origin == "connect") and is_open($t) and (.connected_ns == 0 or $t < .connected_ns);

# Why the record may have other ports for a send (the input) that was made on $socket; nothing where it may not.
def reason($socket):
  .t_ns as $t | changed_ns as $changed
  | if $socket | may_be_unconnected($t) | not then empty
    elif .state == "CLOSE" and $changed == 0 then
      "no ports: the record never saw a change of state at this kernel address"
    elif .state == "CLOSE" and $changed < $socket.opened_ns then
      "address reused: the last change of state at this kernel address came \($socket.opened_ns - $changed) ns before"
      + " the socket was made, so the ports are those of an earlier socket there"
    elif .state == "LISTEN" and .lport == $socket.local_port and $socket.peer_port == 0 then
      "listener: it has no peer, so the peer's port is that of an earlier socket at this kernel address"
    elif .state == "SYN_SENT" and .rport == $socket.peer_port and $changed >= $socket.opened_ns then
      "connecting: the kernel chose the local port after the change to SYN_SENT, so the port is that of an earlier"
      + " socket at this kernel address"
    else empty end;

# The state of the search: `missing` and `over` count, for each name, the sends that one side has and the other has not;
# `left` those of each socket that no send of the record was found for.
def search($sockets):
  (reduce $sockets[] as $socket ({}; .[$socket | ports] += ($socket | dead))) as $said
  | [.[] | select(.state != "CLOSE_WAIT" and (is_race | not))] as $sure
  | (reduce $sure[] as $send ({}; .[$send | recorded_ports] += 1)) as $seen
  | {
      truth: .,
      missing: ($seen | with_entries(.value -= ($said[.key] // 0))),
      over: ($said | with_entries(.value -= ($seen[.key] // 0))),
      pairs: [],
      unrecorded: [],
      overtaken: []
    }
  | .candidates = [.over as $over | $sockets[] | select(.writes_before_connect > 0 and $over[ports] > 0)]
  | .left = (.candidates | map({key: .id, value: .writes_before_connect}) | from_entries);

def is_settled($send; $sockets):
  $send.state == "CLOSE_WAIT" or ((.missing[$send | recorded_ports] // 0) <= 0 and ($send | is_race | not))
  or (any(.candidates[]; .pid == $send.pid) | not)
  or any($sockets[]; ports == ($send | recorded_ports) and is_open($send.t_ns) and .writes > 0);

def partner($send):
  first(.left as $left | .over as $over | .candidates[]
    | select(.pid == $send.pid and $left[.id] > 0 and $over[ports] > 0)
    | {$send, socket: ., reason: (. as $socket | $send | reason($socket))});

def pair_recorded($sockets):
  reduce range(.truth | length) as $i (.; .truth[$i] as $send
    | if is_settled($send; $sockets) then .
      else
        (partner($send) as $pair
          | .truth[$i] += ($pair.socket | {lport: .local_port, rport: .peer_port})
          | .missing[$send | recorded_ports] |= (. // 0) - 1
          | .over[$pair.socket | ports] -= 1
          | .left[$pair.socket.id] -= 1
          | .pairs += [$pair])
        // .
      end);

# What remains of a socket that never went through a change of state, and whose writes the kernel refused one and all
# with EPIPE, as it does on such a socket. Had the record ever seen a change at its address, it would have these sends.
def pair_unrecorded($incidents):
  reduce .candidates[] as $socket (.;
    ([.left[$socket.id], .over[$socket | ports]] | min) as $count
    | ([$incidents[] | select(.socket == $socket.id and .kind == "write-before-connect" and .errno == "EPIPE")
      | .count] | add) as $refused
    | if $count <= 0 or $refused != $socket.writes_before_connect or $socket.origin != "socket"
        or $socket.connected_ns != 0 or $socket.local_port != 0 or $socket.peer_port != 0 then .
      else
        .truth += [range($count) | $socket
          | {t_ns: .opened_ns, pid, lport: 0, rport: 0, ret: -32, state: "CLOSE", age_ns: race_ns, unrecorded: true}]
        | .over[$socket | ports] -= $count
        | .unrecorded += [$socket + {$count}]
      end);

# The name of the error that a send returned, of those that tell of an end.
def errno: {"-104": "ECONNRESET", "-32": "EPIPE", "-110": "ETIMEDOUT"}["\(.ret)"];

# The incident that the report has for a send that the connection's end overtook; nothing where it has none.
def overtaken($send; $sockets; $incidents):
  [$sockets[] | select(ports == ($send | recorded_ports) and is_open($send.t_ns)) | .id] as $ids
  | first($incidents[] | select((.socket | IN($ids[])) and .count == 1 and .outcome == "rejected"
      and .tid == $send.tid and .errno == ($send | errno) and .bytes_accepted == 0
      and .first_ns < ($send | changed_ns) and .first_ns >= $send.t_ns - 1000000000));

def pair_overtaken($sockets; $incidents):
  reduce range(.truth | length) as $i (.; .truth[$i] as $send
    | if $send.state != "CLOSE" or ($send | is_race) or (.missing[$send | recorded_ports] // 0) <= 0 then .
      else
        (overtaken($send; $sockets; $incidents) as $incident
          | .truth[$i].age_ns = 0
          | .missing[$send | recorded_ports] -= 1
          | .overtaken += [{$send, $incident}])
        // .
      end);

# The socket that such a send has opened, or tried to; nothing where it is another send. The record has no ports for one
# at whose kernel address it never saw a change of state.
def opened_by_send($sockets):
  . as $send
  | if .state != "CLOSE" or .ret == -32 or is_race then empty
    else
      first($sockets[] | select(may_be_unconnected($send.t_ns) and ($send | changed_ns) < .opened_ns
        and (ports == ($send | recorded_ports)
          or ($send | .lport == 0 and .rport == 0 and changed_ns == 0) and .pid == $send.pid and .writes > 0
            and .writes_before_connect == 0)))
    end;

def many($what): "\(.) \($what)" + if . == 1 then "" else "s" end;
def times: if length < 4 then join(", ") else "\(.[0]) to \(.[-1])" end;
def described:
  "\(.id) \(.local_port) -> \(.peer_port), \(.writes_before_connect) before connect, opened at \(.opened_ns),"
  + (if .closed_ns == 0 then " not closed" else " closed at \(.closed_ns)" end);

[$report[0].sockets[] | select((.protocol // "tcp") == "tcp") | .local_port //= 0 | .peer_port //= 0] as $sockets
| [$truth[] | {send: ., socket: (first(opened_by_send($sockets)) // null)}] as $sends
| [$sends[] | select(.socket)] as $opening
| [$sends[] | select(.socket | not).send]
| search($sockets) | pair_overtaken($sockets; $report[0].incidents) | pair_recorded($sockets)
| pair_unrecorded($report[0].incidents)
| {
    truth,
    explained: (
      [$opening[] | .socket as $socket | .send
        | "pid \(.pid)  kernel: \(.lport) -> \(.rport), 1 send, in \(.state) since \(changed_ns), at \(.t_ns)"
        + "  report: \($socket | described)  fast open: it was this send that opened the connection"]
      + [.pairs | group_by([.send.pid, .send.lport, .send.rport, .socket.id])[] | .[0] as $pair
        | ($pair.send | "pid \(.pid)  kernel: \(.lport) -> \(.rport), ") + (length | many("send"))
        + ($pair.send | " in \(.state) since \(changed_ns),") + " at \(map(.send.t_ns) | times)"
        + "  report: \($pair.socket | described)  \($pair.reason)"]
      + [.overtaken[] | .incident as $incident | .send
        | "pid \(.pid)  kernel: \(.lport) -> \(.rport), 1 send, in \(.state) since \(changed_ns), at \(.t_ns)"
        + "  report: \($incident.id), \($incident.kind), \($incident.errno), begun at \($incident.first_ns)"
        + "  overtaken: the connection ended \(changed_ns - $incident.first_ns) ns after this write "
        + "had begun with its look"]
      + [.unrecorded | group_by(.pid)[]
        | "pid \(.[0].pid)  kernel: nothing  report: \(map(.count) | add | many("send"))"
        + " on \(length | many("socket")) 0 -> 0"
        + " that never were connected, all refused with EPIPE: \(map(.id) | times)"
        + "  unrecorded: the record leaves out a socket at whose kernel address it never saw a change of state"])
  }
