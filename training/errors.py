"""The one exception that the command line shows as a sentence instead of a traceback."""


class TrainingError(Exception):
    """Something a person can put right: the message says what is wrong, where, and what to do."""
