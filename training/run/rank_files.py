"""The names of the files by which a run and its ranks tell each other what to do and what came."""

TASK_NAME = "task.json"
RESULT_NAME = "result.json"
