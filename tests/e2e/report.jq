# What the expectations in tests/programs/*.expect share. Each takes the whole report (schema socksan-report/1) as its
# input, or one incident where it says so. Each is true, or fails with words that say what was found instead.

def incidents($kind): [.incidents[] | select(.kind == $kind)];

# The one incident of this kind.
def incident($kind):
  incidents($kind) | if length == 1 then .[0] else error("\(length) incidents of kind \($kind), not one") end;

# The one incident of this kind whose write stands in that function.
def incident($kind; $function):
  [incidents($kind)[] | select(.stacks.write[0].function == $function)]
  | if length == 1 then .[0] else error("\(length) incidents of kind \($kind) in \($function), not one") end;

def kinds: [.incidents[].kind] | sort;

# The report has incidents of these kinds, this many, and no other.
def only($wanted): kinds | . == ($wanted | sort) or error("incidents: \(tojson)");

# Incident (or socket): its fields have these values.
def shows($facts):
  . as $it
  | [$facts | to_entries[] | select($it[.key] != .value) | "\(.key) is \($it[.key] | tojson), not \(.value | tojson)"]
  | length == 0 or error(join("; "));

# Incident: the innermost frame of the stack is this function of the program.
def by($stack; $function):
  [.stacks[$stack][].function]
  | .[0] == $function or error("stack \($stack): \(join(" < "))");

# Incident: its flight recorder ends with this call and its result, or the name of its error.
def ends_with($call; $result):
  .history[-1] | . != null and .call == $call and (if .errno == "" then .result else .errno end) == $result
  or error("the last operation is \(tojson)");

# Incident: the program had been told by this call, in this function, before the write.
def told($call; $function):
  (.told_by != null and .told_by.call == $call and .told_by.t_ns <= .first_ns and .told_by.t_ns > 0
    or error("told_by is \(.told_by | tojson)"))
  and by("told"; $function);

def untold: .told_by == null and .stacks.told == [] or error("told_by is \(.told_by | tojson)");

# The socket of an incident of the report.
def socket_of($incident): .sockets[] | select(.id == $incident.socket);

# Of all sockets, the writes made in this state: peer_close, reset or shutdown.
def writes_after($state): [.sockets[].writes_after[$state]] | add;
def writes_before_connect: [.sockets[].writes_before_connect] | add;
def no_writes_after_end:
  [.sockets[] | .writes_before_connect, .writes_after[]] | add == 0 or error("writes after an end");

# Audited, and nothing to say.
def silent:
  (.incidents | length == 0 or error("incidents: \(map([.kind, .stacks.write[0].function, .call]) | tojson)"))
  and (.summary.processes >= 1 and .summary.sockets >= 1 or error("nothing was audited: \(.summary | tojson)"));
def silent_and_open: silent and no_writes_after_end;

# What holds of every report that these tests make.
def sound($loses):
  . as $report
  | (.schema == "socksan-report/1" or error("schema \(.schema)"))
  and (($loses or .summary.lost_records == 0) and .summary.unaudited_processes == 0
    or error("summary \(.summary | tojson)"))
  and ([.summary | .error, .warning, .note] == [("error", "warning", "note") as $severity
    | [.incidents[] | select(.severity == $severity and .suppressed_by == null)] | length]
    or error("summary \(.summary | tojson) does not count the incidents"))
  and (.incidents | all(
    ((.stacks.write | length > 0) or .knowledge == "nobody" or (.pid as $pid | $report.processes
      | any(.pid == $pid and (.coverage | index("missing_stacks", "unwinder_busy", "seccomp"))))
      or error("no stack of the write"))
    and (.title | length > 0) and (.fingerprint | length > 0) and .count >= 1
    and (.first_ns <= .last_ns or error("first_ns after last_ns"))
    and (.bytes_accepted <= .bytes_offered and .bytes_lost <= .bytes_accepted or error("bytes do not add up"))
    and (.history | length >= 1 and length <= 16 or error("\(length) operations of history"))
    and (.pid as $pid | $report.processes | any(.pid == $pid) or error("no process \($pid)"))
    and (.socket as $id | $id == null or ($report.sockets | any(.id == $id)) or error("no socket \($id)"))));

# Incident: the program had been told by this operation of io_uring. Where, is where it took the completion from the
# ring, as far as a call shows.
def told_by_ring($call):
  .told_by != null and .told_by.call == $call and .told_by.t_ns <= .first_ns and (.stacks.told | length > 0)
  or error("told_by is \(.told_by | tojson)");

# Whether the report says that a process used io_uring in a way that the audit does not see.
def warned_of_io_uring: [.processes[].coverage // [] | .[]] | index("io_uring") != null;
def not_warned_of_io_uring: (warned_of_io_uring | not) or error("io_uring is said not to be fully audited");
