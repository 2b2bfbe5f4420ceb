"""Compare records with registers of other departments; the data stays put.

```python
async with Client.open() as client:
    comparison = await client.compare(
        [{"resident_id": "11010519491231002X", "name": "张三"}],
        resource="vehicle-owners", key="resident_id", checks=["name"], operator="…",
    )
    comparison.results[0].outcome  # Outcome.MATCH
```
Every failure is a `StayputError` with a reason, a message and a remedy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stayput.errors import StayputError
    from stayput_client.client import Client
    from stayput_client.home import Home
    from stayput_client.joining import join
    from stayput_client.list_comparison import ProgressCallback
    from stayput_client.models.applications import Application, DecisionClock
    from stayput_client.models.grants import Grant, GrantStop, Hours
    from stayput_client.models.leakages import Leakage
    from stayput_client.models.limits import Limits
    from stayput_client.models.resources import Allowance, Description, ResourceSummary
    from stayput_client.models.vocabulary import (
        ApplicationState,
        Category,
        ChangeCause,
        DecisionUrgency,
        GrantState,
        Granularity,
        Mode,
        SaidBy,
        Sharing,
        UpdateFrequency,
    )
    from stayput_client.results import (
        Comparison,
        CutShort,
        Outcome,
        Progress,
        Result,
        SignedReceipt,
        Stage,
        Summary,
        Totals,
    )

__all__ = [
    "Allowance",
    "Application",
    "ApplicationState",
    "Category",
    "ChangeCause",
    "Client",
    "Comparison",
    "CutShort",
    "DecisionClock",
    "DecisionUrgency",
    "Description",
    "Grant",
    "GrantState",
    "GrantStop",
    "Granularity",
    "Home",
    "Hours",
    "Leakage",
    "Limits",
    "Mode",
    "Outcome",
    "Progress",
    "ProgressCallback",
    "ResourceSummary",
    "Result",
    "SaidBy",
    "Sharing",
    "SignedReceipt",
    "Stage",
    "StayputError",
    "Summary",
    "Totals",
    "UpdateFrequency",
    "join",
]

_MODULES = {
    "Client": "stayput_client.client",
    "Home": "stayput_client.home",
    "ProgressCallback": "stayput_client.list_comparison",
    "StayputError": "stayput.errors",
    "join": "stayput_client.joining",
    **dict.fromkeys(("Application", "DecisionClock"), "stayput_client.models.applications"),
    **dict.fromkeys(("Grant", "GrantStop", "Hours"), "stayput_client.models.grants"),
    "Leakage": "stayput_client.models.leakages",
    "Limits": "stayput_client.models.limits",
    **dict.fromkeys(("Allowance", "Description", "ResourceSummary"), "stayput_client.models.resources"),
    **dict.fromkeys(
        (
            *("Comparison", "CutShort", "Outcome", "Progress", "Result"),
            *("SignedReceipt", "Stage", "Summary", "Totals"),
        ),
        "stayput_client.results",
    ),
}


def __getattr__(name: str) -> object:
    # The command imports this package for its help texts alone; gRPC and the rest wait until they are used.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "stayput_client.models.vocabulary")), name)
