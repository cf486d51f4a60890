"""Places in the program, kept as code objects and offsets; turned into text only when there is something to report."""
from .wrapping import FILE

TEXT_MAX = 8000
OURS = __file__.rpartition("/")[0]


def _line_of(code, offset):
    """The line of an instruction: what frame.f_lineno would have been."""
    if offset < 0:
        return code.co_firstlineno
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            if start <= offset < end:
                return line or code.co_firstlineno
        return code.co_firstlineno
    line = found = code.co_firstlineno
    address = 0
    table = code.co_lnotab
    for i in range(0, len(table), 2):
        address += table[i]
        if address > offset:
            break
        line += table[i + 1] - 256 if table[i + 1] >= 128 else table[i + 1]
        found = line
    return found


def _is_ours(code):
    return code.co_filename == FILE or code.co_filename.startswith(OURS)


def outside(frame):
    """The first frame from here on that is not ours."""
    while frame is not None and frame.f_code.co_filename == FILE:
        frame = frame.f_back
    return frame


def place(frame, depth=4):
    """The innermost frames as a flat tuple (code, offset, code, offset, ...): cheap to take, to compare and to keep."""
    found = []
    while frame is not None and depth:
        found.append(frame.f_code)
        found.append(frame.f_lasti)
        frame = frame.f_back
        depth -= 1
    return tuple(found)


def numbers_of_lines(place_):
    """The same with line numbers instead of offsets."""
    return tuple(_line_of(place_[i - 1], part) if i % 2 else part for i, part in enumerate(place_))


def are_same_lines(place_, other):
    """Whether two places are the same lines of the program."""
    return place_ == other or (place_[::2] == other[::2] and numbers_of_lines(place_) == numbers_of_lines(other))


def lines_of(place_, outside=()):
    """The frames of a place as lines of text, without ours and without those of files below the directories
    `outside`."""
    lines = []
    others = []
    for i in range(0, len(place_), 2):
        code = place_[i]
        if _is_ours(code):
            continue
        line = 'File "%s", line %d in %s' % (code.co_filename, _line_of(code, place_[i + 1]), code.co_name)
        (others if code.co_filename.startswith(outside) else lines).append(line)
    return lines or others


def text_of(frame):
    """The whole stack from this frame on, as libsocksan.so wants it."""
    lines = []
    size = 0
    while frame is not None and size < TEXT_MAX:
        code = frame.f_code
        if not _is_ours(code):
            line = '  File "%s", line %d in %s' % (code.co_filename, frame.f_lineno or 0, code.co_name)
            lines.append(line)
            size += len(line)
        frame = frame.f_back
    return encode("\n".join(lines))


def text_of_place(place_):
    """The same of a place, as deep as that is."""
    return encode("\n".join("  " + line for line in lines_of(place_)))


def encode(text):
    return text.encode("utf-8", "replace").replace(b"\0", b"?")
