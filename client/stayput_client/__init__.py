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
    from stayput_client.models import (
        Application,
        ApplicationState,
        Category,
        Description,
        Grant,
        GrantState,
        Granularity,
        Mode,
        ResourceSummary,
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
        Summary,
    )

__all__ = [
    "Application",
    "ApplicationState",
    "Category",
    "Client",
    "Comparison",
    "CutShort",
    "Description",
    "Grant",
    "GrantState",
    "Granularity",
    "Home",
    "Mode",
    "Outcome",
    "Progress",
    "ProgressCallback",
    "ResourceSummary",
    "Result",
    "Sharing",
    "SignedReceipt",
    "StayputError",
    "Summary",
    "UpdateFrequency",
    "join",
]

_MODULES = {
    "Client": "stayput_client.client",
    "Home": "stayput_client.home",
    "ProgressCallback": "stayput_client.list_comparison",
    "StayputError": "stayput.errors",
    "join": "stayput_client.joining",
    **dict.fromkeys(
        ("Comparison", "CutShort", "Outcome", "Progress", "Result", "SignedReceipt", "Summary"),
        "stayput_client.results",
    ),
}


def __getattr__(name: str) -> object:
    # The command imports this package for its help texts alone; gRPC and the rest wait until they are used.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "stayput_client.models")), name)
