"""Tasks: which label an input has, and the classes of inputs by query and label (T13).

A new rule is a file of its own, and a line in `reading.py` and `names.py`.
"""

from ballproof.models.tasks.acceptor import Acceptor, Arc, folded
from ballproof.models.tasks.names import positions_named, task_named
from ballproof.models.tasks.reading import task_of_json
from ballproof.models.tasks.rule import Rule
from ballproof.models.tasks.task import MAX_DIGITS, Class, Task, default, fold

__all__ = [
    "MAX_DIGITS",
    "Acceptor",
    "Arc",
    "Class",
    "Rule",
    "Task",
    "default",
    "fold",
    "folded",
    "positions_named",
    "task_named",
    "task_of_json",
]
