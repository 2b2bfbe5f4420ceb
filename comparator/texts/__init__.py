"""Every text that an operator reads, in English and Chinese, and the error that carries one."""

# The modules hold nothing but texts, which are named from here.
from comparator.texts.calendar import *  # noqa: F403
from comparator.texts.commands import *  # noqa: F403
from comparator.texts.configuration import *  # noqa: F403
from comparator.texts.events import *  # noqa: F403
from comparator.texts.failures import OperatorError as OperatorError
from comparator.texts.failures import unusable as unusable
from comparator.texts.listings import *  # noqa: F403
from comparator.texts.log import *  # noqa: F403
from comparator.texts.storage import *  # noqa: F403
