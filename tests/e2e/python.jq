# What the expectations of python.sh share, beside report.jq.
include "report";

# Of a whole report: its one write that was dropped by a framework.
def dropped: incident("dropped-by-framework");

# The same, where one more write may have come in between the end and the program's being told of it.
def dropped_told:
  [incidents("dropped-by-framework")[] | select(.knowledge == "told")]
  | if length == 1 then .[0] else error("\(length) incidents of a program that had been told") end;

# Incident: a line of its note is like this.
def notes($pattern): .note | split("\n") | any(test($pattern)) or error("no note is like \($pattern): \(tojson)");

# Incident: a frame in Python among the three innermost is of this function. (The others are the framework's.)
def written_by($function):
  [.stacks.write[] | select(.language == "python") | .function]
  | any(.[0:3][]; . == $function) or error("written by \(join(" < "))");

# Incident: the same, at this line.
def written_at($function; $line):
  written_by($function)
  and (any(.stacks.write[]; .function == $function and "\(.line)" == $line) or error("not at line \($line)"));
