"""The errors that the benchmark raises on purpose.

    BenchmarkError                 the command line prints it as one line and exits with 1
    ├── FileError                  a file or folder: no space, no permission, a file where a folder should be, a name too long
    ├── SuiteError                 a suite file: unknown key, wrong value, no such suite
    ├── DataError                  photographs: missing, unreadable, wrong ground truth
    ├── NetworkError               a network: unknown name, wrong shape, no weights
    │   └── MissingWeights         the weights are not on this machine
    ├── LabelError                 labels: none given, sources shared between parts, stale outcomes
    ├── PredictorError             a predictor: unknown, wrong contract, score missing or not finite
    ├── SubmissionError            a submission: its card, its name, its table of scores
    ├── MetricError                labels and scores from which a metric cannot be computed
    ├── PluginError                an entry point of another package: fails to load, its name is taken
    └── ResultError                stored results: unreadable, stale, of another suite or ground truth

A message names the culprit, its value and what is valid, in one printable line, whatever texts of files and names it holds.
"""

from benchmark.core.messages import escaped

ANY_ERROR = (Exception, SystemExit)
"""What code of other people may raise; SystemExit would end the program as if its work were done."""


class BenchmarkError(Exception):
    """Base of all errors below; catch it to catch them all."""

    def __str__(self) -> str:
        """The message as one line of printable characters."""
        return escaped(super().__str__())


class FileError(BenchmarkError):
    """A file or folder cannot be read or written."""


class SuiteError(BenchmarkError):
    """A suite file cannot be used."""


class DataError(BenchmarkError):
    """A dataset or one of its images cannot be used."""


class NetworkError(BenchmarkError):
    """A task network cannot be used."""


class MissingWeights(NetworkError):
    """The weights of a known network are not on this machine."""


class LabelError(BenchmarkError):
    """Outcomes or labels cannot be used."""


class PredictorError(BenchmarkError):
    """A predictor broke its contract."""


class SubmissionError(BenchmarkError):
    """A submission cannot be used."""


class MetricError(BenchmarkError):
    """A metric has nothing to measure."""


class ResultError(BenchmarkError):
    """A stored result cannot be used."""


class PluginError(BenchmarkError):
    """A plug-in of another package cannot be used."""
