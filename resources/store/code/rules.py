"""What never counts in a code version, although the code that counts uses it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Neutral:
    """Names of code that cannot decide the bytes of an artifact.

    modules : these modules and all below them, with whatever is imported from them.
    plugin_modules : a decorator defined in or below these only announces a plug-in: of its arguments the positional
        ones and the keywords in `counted_facts` count.
    decorators : decorators of ours, by name, that only describe a stage: neither they nor their arguments count.
    keywords : string arguments of calls under these names do not count.
    logs, log_methods : a statement `<log>.<method>(...)`, also `self.<log>.<method>(...)`, does not count.
    """

    modules: tuple[str, ...] = ("neuropipe.plots",)
    plugin_modules: tuple[str, ...] = ("neuropipe.registry",)
    counted_facts: tuple[str, ...] = ("units",)
    decorators: tuple[str, ...] = ("memoized", "stage", "task")
    keywords: tuple[str, ...] = ("description", "help")
    logs: tuple[str, ...] = ("log", "LOG", "_log", "logger", "LOGGER", "_logger", "logging", "warnings")
    log_methods: tuple[str, ...] = (
        "critical", "debug", "error", "exception", "info", "log", "warn", "warn_explicit", "warning",
    )  # fmt: skip

    def is_module(self, name: str) -> bool:
        return _within(name, self.modules)

    def announces_plugin(self, module: str) -> bool:
        return _within(module, self.plugin_modules)


def _within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in modules)
