"""Replaces a function so that its name, parameters and source look unchanged."""
import functools
import types

refused = []  # names of what was to be wrapped and is not as it was known

FILE = "<socksan>"  # what our frames are called in stacks; the report leaves them out


def wrap(owner, name, make, exact=True):
    """Replaces owner.name, which may be inherited, by make(original).

    With `exact` both must have the same parameters but for their names, which are taken over: tools that look at the
    code (zope.interface does) find what they look for. Returns whether it was done; what was refused is noted.
    """
    original = getattr(owner, name, None)
    if not isinstance(original, types.FunctionType):
        return _refuse(owner, name)
    replacement = make(original)
    if exact and _shape(replacement.__code__) != _shape(original.__code__):
        return _refuse(owner, name)
    replacement.__code__ = _disguise(replacement.__code__, original.__code__, exact)
    functools.update_wrapper(replacement, original)
    if exact:
        replacement.__defaults__ = original.__defaults__
        replacement.__kwdefaults__ = original.__kwdefaults__
    setattr(owner, name, replacement)
    return True


def _refuse(owner, name):
    refused.append("%s.%s" % (owner.__name__, name))
    return False


def _shape(code):
    return code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0x0C


def _parameters(code):
    return code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)


def _disguise(code, original, exact):
    changes = {"co_filename": FILE, "co_name": original.co_name}
    if exact:
        count = _parameters(original)
        names = original.co_varnames[:count]
        changes["co_varnames"] = names + tuple(
            "_" + name if name in names else name for name in code.co_varnames[count:])
    if hasattr(code, "co_qualname"):
        changes["co_qualname"] = original.co_qualname
    return code.replace(**changes)
