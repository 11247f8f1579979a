"""Why a command was not done, as members of the mutations' unions."""

from __future__ import annotations

import strawberry

from api.platform import Refused, Waiting
from api.types.common import InputProblem, Pending, UserError


def not_done(result: Refused | Waiting) -> UserError | Pending:
    if isinstance(result, Refused):
        return _refused(result)
    return Pending(
        code="PENDING",
        message="The command is recorded and not applied yet: ask again in a moment.",
        change_id=strawberry.ID(result.change_id),
    )


def _refused(result: Refused) -> UserError:
    problems = [
        InputProblem(code=one.code, message=one.message, path=list(one.path))
        for one in result.problems
    ]
    lead = problems[0]
    return UserError(code=lead.code, message=lead.message, path=lead.path, errors=problems)
