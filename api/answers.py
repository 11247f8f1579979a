"""From the text of a query to its answer: parse, measure, validate, execute, each refusing early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType, subscribe

from api.auth import Principal
from api.connections import Seal
from api.context import Context
from api.documents import Document, Documents
from api.errors import (
    ApiError,
    BadBody,
    BatchingRefused,
    TimedOut,
    TooDeep,
    UnknownOperation,
    formatted,
    told,
)
from api.executor import PlainExecutor
from api.platform import Platform
from api.schema import graphql_schema
from api.settings import ApiSettings

_DEEPEST_VALUE = 64
_MOST_ERRORS = 50


class Question(NamedTuple):
    """One GraphQL request, as it came."""

    query: str
    variables: dict[str, Any]
    operation: str | None

    @classmethod
    def read(cls, body: bytes) -> Question:
        """Raises BadBody, BatchingRefused."""
        try:
            return cls.of(orjson.loads(body))
        except orjson.JSONDecodeError as error:
            raise BadBody(reason="this is no JSON") from error

    @classmethod
    def of(cls, body: Any) -> Question:
        """Raises BadBody, BatchingRefused, TooDeep."""
        if isinstance(body, list):
            raise BatchingRefused
        if not isinstance(body, dict):
            raise BadBody(reason="this is no object")
        query, variables = body.get("query"), body.get("variables")
        operation = body.get("operationName")
        if not isinstance(query, str):
            raise BadBody(reason="query is missing or no text")
        if variables is not None and not isinstance(variables, dict):
            raise BadBody(reason="variables is no object")
        if operation is not None and not isinstance(operation, str):
            raise BadBody(reason="operationName is no text")
        if not _shallow(variables, _DEEPEST_VALUE):
            raise TooDeep(limit=_DEEPEST_VALUE)
        return cls(query, variables or {}, operation or None)


class Answer(NamedTuple):
    """`body` is what goes out as JSON; `status` the HTTP status; `refused` the code of the limit or
    mistake for which nothing was executed."""

    status: int
    body: dict[str, Any]
    cost: int = 0
    refused: str | None = None


class Prepared(NamedTuple):
    document: Document
    kind: OperationType
    cost: int


class Answering:
    """Answers questions over one platform. Keeps what it parsed and validated."""

    def __init__(self, platform: Platform, settings: ApiSettings, seal: Seal) -> None:
        self._platform = platform
        self._limits = settings.limits
        self._hide_suggestions = not settings.suggestions
        self._seal = seal
        self._schema = graphql_schema()
        self._documents = Documents(self._schema, settings)

    async def answer(self, question: Question, principal: Principal, request: str) -> Answer:
        """Never raises for what the client sent."""
        try:
            prepared = self._prepare(question, request)
            if isinstance(prepared, Answer):
                return prepared
            if prepared.kind is OperationType.SUBSCRIPTION:
                raise UnknownOperation
            return await self._execute(question, prepared, principal, request)
        except ApiError as error:
            return refusal(error, request)

    async def stream(
        self, question: Question, principal: Principal, request: str
    ) -> Answer | AsyncIterator[Answer]:
        """A subscription's answers one by one; one answer where the operation is no subscription or
        is refused."""
        try:
            prepared = self._prepare(question, request)
            if isinstance(prepared, Answer):
                return prepared
            if prepared.kind is not OperationType.SUBSCRIPTION:
                return await self._execute(question, prepared, principal, request)
            return await self._subscribe(question, prepared, principal, request)
        except ApiError as error:
            return refusal(error, request)

    def _prepare(self, question: Question, request: str) -> Prepared | Answer:
        document = self._documents.parsed(question.query)
        try:
            operation = document.operation(question.operation)
            size = self._documents.measured(document, operation, question.variables)
            errors = self._documents.validated(question.query, document)
        except RecursionError as error:
            raise TooDeep(limit=self._limits.depth) from error
        if errors:
            return _errors_only(errors, request, "VALIDATION_FAILED")
        return Prepared(document, operation.operation, size.cost)

    async def _execute(
        self, question: Question, prepared: Prepared, principal: Principal, request: str
    ) -> Answer:
        ctx = Context(self._platform, principal, request, self._seal)
        executor = PlainExecutor.build(
            self._schema,
            prepared.document.ast,
            None,
            ctx,
            question.variables,
            question.operation,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(executor, list):
            return _errors_only(executor, request, "BAD_VARIABLES")
        result: Any = executor.execute_operation()
        if not isinstance(result, ExecutionResult):
            try:
                async with asyncio.timeout(self._limits.timeout):
                    result = await result
            except TimeoutError as error:
                raise TimedOut(seconds=self._limits.timeout) from error
            finally:
                ctx.loaders.close()
        return _answered(result, request, prepared.cost)

    async def _subscribe(
        self, question: Question, prepared: Prepared, principal: Principal, request: str
    ) -> Answer | AsyncIterator[Answer]:
        ctx = Context(self._platform, principal, request, self._seal)
        found: Any = subscribe(
            self._schema,
            prepared.document.ast,
            None,
            ctx,
            question.variables,
            question.operation,
            executor_class=PlainExecutor,
            hide_suggestions=self._hide_suggestions,
        )
        if asyncio.iscoroutine(found):
            found = await found
        if isinstance(found, ExecutionResult):
            return _errors_only(found.errors or [], request, "BAD_VARIABLES")
        return _answers(found, request, prepared.cost)


async def _answers(results: Any, request: str, cost: int) -> AsyncIterator[Answer]:
    try:
        async for result in results:
            yield _answered(result, request, cost)
    except GraphQLError as error:
        yield _errors_only([error], request, "BAD_INPUT")
    except Exception as error:  # noqa: BLE001 - it is told as the last answer of the stream
        yield _errors_only([GraphQLError(str(error), original_error=error)], request, "INTERNAL")
    finally:
        await results.aclose()


def refusal(error: ApiError, request: str) -> Answer:
    return Answer(error.status, told(error, request), refused=error.code)


def _errors_only(errors: list[GraphQLError], request: str, fallback: str) -> Answer:
    entries = [formatted(error, request, fallback) for error in errors[:_MOST_ERRORS]]
    return Answer(400, {"errors": entries}, refused=entries[0]["extensions"]["code"])


def _answered(result: ExecutionResult, request: str, cost: int) -> Answer:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        errors = result.errors[:_MOST_ERRORS]
        body["errors"] = [formatted(error, request, "BAD_INPUT") for error in errors]
    body["extensions"] = {"cost": cost}
    return Answer(200, body, cost)


def _shallow(value: Any, levels: int) -> bool:
    """Whether a JSON value has at most so many levels."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_shallow(one, levels - 1) for one in inner)
