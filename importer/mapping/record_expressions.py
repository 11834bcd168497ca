"""JMESPath expressions of the mapping's `manifest` section: checked when it is loaded, evaluated for each record.

Loading jmespath takes time, so this module is imported only for a mapping that has an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jmespath import exceptions, functions, visitor
from jmespath.parser import Parser

# What functions raise for arguments that they can't use, such as a number with too many digits.
EVALUATION_ERRORS = (exceptions.JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError)

_ONE_CONTEXT = frozenset({"subexpression", "index_expression", "projection", "value_projection", "filter_projection"})
_FIRST_CHILD = _ONE_CONTEXT | {"pipe", "flatten"}  # the others are evaluated in what the first one gives


class Expression:
    """A JMESPath expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree: Any = Parser().parse(text).parsed

    def evaluate(self, value: Any, interpreter: visitor.TreeInterpreter) -> Any:
        """Return the result for a value. Raises one of ``EVALUATION_ERRORS``."""
        return interpreter.visit(self._tree, value)

    def members(self) -> frozenset[str] | None:
        """Return the record's members that the expression reads; None if it reads the whole record."""
        found = list(_members(self._tree))
        return None if None in found else frozenset(name for name in found if name is not None)

    def wrong_calls(self) -> Iterator[str]:
        """Yield what is wrong with calls of functions, which the parser does not check."""
        for node in _nodes(self._tree):
            if node["type"] == "function_expression":
                yield from _wrong_call(node["value"], len(node["children"]))


def expression_error(text: str) -> str | None:
    """Return what is wrong with an expression; None if nothing is."""
    try:
        expression = Expression(text)
    except exceptions.IncompleteExpressionError:
        return "ends too early"
    except exceptions.EmptyExpressionError:
        return "must not be empty"
    except exceptions.LexerError as error:
        return f"has an error at character {int(error.lexer_position) + 1}: {error.message}"
    except exceptions.ParseError as error:
        return (
            f"has an error at character {int(error.lex_position) + 1}: {str(error.token_value)!r} is not expected there"
        )
    except (exceptions.JMESPathError, RecursionError, ValueError) as error:
        return f"can't be read: {str(error).splitlines()[0]}"
    return next(expression.wrong_calls(), None)


def interpreter(to_text: Callable[[Any], str], dict_type: type[dict[str, Any]]) -> visitor.TreeInterpreter:
    """Return what evaluates expressions.

    ``to_text``: how `to_string` writes a value. ``dict_type``: of the objects that expressions make.
    """

    class WrittenFunctions(functions.Functions):
        @functions.signature({"types": []})
        def _func_to_string(self, value: Any) -> str:
            return to_text(value)

    return visitor.TreeInterpreter(visitor.Options(dict_cls=dict_type, custom_functions=WrittenFunctions()))


def _wrong_call(name: str, count: int) -> Iterator[str]:
    known = functions.Functions.FUNCTION_TABLE.get(name)
    if known is None:
        yield f"calls the unknown function {name}()"
        return
    expected = len(known["signature"])
    is_variadic = bool(known["signature"] and known["signature"][-1].get("variadic"))
    if count < expected or (count > expected and not is_variadic):
        least = "at least " if is_variadic else ""
        yield f"calls {name}() with {count} argument{'' if count == 1 else 's'}; it takes {least}{expected}"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("children", ()):
        if isinstance(child, dict):
            yield from _nodes(child)


def _members(node: dict[str, Any]) -> Iterator[str | None]:
    """Yield the names that are read from the record itself; None for the whole record."""
    kind = node["type"]
    if kind == "field":
        yield node["value"]
    elif kind in {"current", "identity"}:
        yield None
    elif kind in _FIRST_CHILD:
        yield from _members(node["children"][0])
    elif kind != "expref":  # it is evaluated in the elements of a list
        for child in node.get("children", ()):
            if isinstance(child, dict):
                yield from _members(child)
