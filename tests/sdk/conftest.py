"""Without the extra `sdk` there is nothing to compare, and nothing to say about it either."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("elevenlabs") else ["test_sdk_comparison.py"]
