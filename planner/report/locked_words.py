"""What a plan says of needles that a person locked, by their number among the wishes."""

import re

from planner.model.plan import Plan

_NAME = re.compile(r"locked needle (\d+)\b")


def locked_name(number: int) -> str:
    """Name a locked needle in a finding.

    Parameters
    ----------
    number : int
        Its place among the wishes' locked needles, from 1.

    Returns
    -------
    str
    """
    return f"locked needle {number}"


def locked_findings(plan: Plan) -> dict[int, str]:
    """Give what is to be known first of each locked needle.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    dict of int to str
        The first finding about it in words, by its number among the wishes, from 1; without those of which nothing is
        said: they stand in the plan and keep every hard limit.
    """
    said: dict[int, str] = {}
    for finding in plan.findings:
        if finding.code.startswith("locked-needle") and (named := _NAME.match(finding.message)):
            said.setdefault(int(named[1]), finding.message)
    return said
