"""Stand-ins for packages that the consumers' data code imports but doesn't use, torch above all."""
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
import types

VERSION = "2.9.0"
NAMES = {"accelerate", "detect_agent", "peft", "torch", "torchaudio"}


class Kind(type):
    """The type of stand-ins: every name in one is another one."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)

    def __or__(cls, _):
        return cls

    def __ror__(cls, _):
        return cls


def stand_in(name):
    """A class that can be called, subclassed and subscripted, and a decorator that changes nothing."""
    return Kind(name, (), {
        "__init__": lambda self, *_, **__: None,
        "__call__": lambda self, *args, **_: args[0] if args else None,
        "__bool__": lambda self: False,
        "__class_getitem__": classmethod(lambda cls, _: cls),
    })


class Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in NAMES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = Module(spec.name)
        module.__version__ = VERSION
        return module

    def exec_module(self, module):
        pass


def install():
    """Puts the stand-ins in place, after those who would notice have looked for the real ones."""
    import datasets  # noqa: F401
    import transformers
    from trl import SFTConfig  # noqa: F401

    transformers.utils.is_torch_available()
    sys.meta_path.insert(0, Finder())
    version = importlib.metadata.version
    importlib.metadata.version = lambda name: VERSION if name in NAMES else version(name)
