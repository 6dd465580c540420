"""Code versions of small modules: what counts in a module, and what does not."""

import pytest

from tests.cache.source_tree import SourceTree

ROOT = "neuropipe.m:root"

# (what it shows, module neuropipe/m.py, text to replace, its replacement)
CHANGES = [
    ("the function itself", "def root(x):\n    return x + 1\n", "x + 1", "x + 2"),
    (
        "a function that it calls",
        "def f(x):\n    return x\ndef root(x):\n    return f(x)\n",
        "return x\n",
        "return -x\n",
    ),
    ("a constant", "N = 1\ndef root():\n    return N\n", "N = 1", "N = 2"),
    ("a constant in a tuple", "A, B = 1, 2\ndef root():\n    return B\n", "1, 2", "1, 3"),
    ("a constant unpacked from a call", "A, B = f(2)\ndef f(n): return n, n\ndef root(): return A\n", "n, n", "n, 2"),
    ("a starred constant", "A, *B = 1, 2, 3\ndef root():\n    return B\n", "2, 3", "2, 4"),
    ("a chained assignment", "A = B = 1\ndef root():\n    return B\n", "B = 1", "B = 2"),
    ("an augmented constant", "N = [1]\nN += [2]\ndef root():\n    return N\n", "[2]", "[3]"),
    ("an annotated constant", "N: int = 1\ndef root():\n    return N\n", "int = 1", "int = 2"),
    ("a walrus at module level", "print(N := 1)\ndef root():\n    return N\n", "N := 1", "N := 2"),
    ("a constant under if", "if True:\n    N = 1\ndef root():\n    return N\n", "N = 1", "N = 2"),
    ("the condition of a constant", "if 1 > 0:\n    N = 1\ndef root():\n    return N\n", "1 > 0", "1 > 2"),
    ("a constant under else", "if 0:\n    N = 1\nelse:\n    N = 2\ndef root():\n    return N\n", "N = 2", "N = 3"),
    ("a constant in try", "try:\n    N = 1\nexcept E:\n    N = 2\ndef root(): return N\n", "N = 1", "N = 3"),
    ("a constant in except", "try:\n    N = 1\nexcept E:\n    N = 2\ndef root(): return N\n", "N = 2", "N = 3"),
    (
        "what is tried before a constant",
        "try:\n    import fast\n    F = 1\nexcept ImportError:\n    F = 0\ndef root():\n    return F\n",
        "import fast",
        "import slow",
    ),
    ("a constant under with", "with open(p) as f:\n    N = 1\ndef root(): return N\n", "N = 1", "N = 2"),
    ("the file of a with", "with open('a') as f:\n    N = f.read()\ndef root(): return N\n", "'a'", "'b'"),
    ("the range of a loop", "for i in range(3):\n    N = i\ndef root(): return N\n", "range(3)", "range(4)"),
    (
        "a table filled in a loop",
        "T = {}\nfor i in 1, 2:\n    T[i] = 1\ndef root(): return T\n",
        "T[i] = 1",
        "T[i] = 2",
    ),
    ("a table filled by a call", "T = []\nT.append(1)\ndef root(): return T\n", "append(1)", "append(2)"),
    ("an effect on another module", "import numpy\nnumpy.x = 1\ndef root(): pass\n", "x = 1", "x = 2"),
    ("a match at module level", "match 1:\n    case 1:\n        N = 1\ndef root(): return N\n", "N = 1", "N = 2"),
    ("del of a name", "N = 1\nprint(N)\ndef root(): return N\n", "print(N)", "del N"),
    ("a method of its class", "class C:\n    def m(self): return 1\ndef root(): return C()\n", "return 1", "return 2"),
    ("a base class", "class B:\n    k = 1\nclass C(B):\n    pass\ndef root(): return C\n", "k = 1", "k = 2"),
    ("a class's keyword", "class C(metaclass=M, a=1):\n    pass\ndef root(): return C\n", "a=1", "a=2"),
    ("a default argument", "def root(x=1):\n    return x\n", "x=1", "x=2"),
    ("a keyword default", "def root(*, x=1):\n    return x\n", "x=1", "x=2"),
    ("a default's definition", "N = 1\ndef root(x=N):\n    return x\n", "N = 1", "N = 2"),
    ("a field's annotation", "class C(M):\n    x: int = 1\ndef root(): return C\n", "int", "float"),
    ("a field's class", "class D(M):\n    y = 1\nclass C(M):\n    x: 'D'\ndef root(): return C\n", "y = 1", "y = 2"),
    ("a field's nested class", "class D(M):\n    y=1\nclass C(M):\n    x: list['D']\ndef root(): C\n", "y=1", "y=2"),
    ("a class in its signature", "class C:\n    y = 1\ndef root(c: C): return c\n", "y = 1", "y = 2"),
    ("a quoted class in its signature", "class C:\n    y = 1\ndef root(c: 'C'): return c\n", "y = 1", "y = 2"),
    ("a decorator", "def d(f): return f\n@d\ndef root(): pass\n", "return f", "return None"),
    ("a decorator's argument", "@numba.njit(cache=1)\ndef root(): pass\n", "cache=1", "cache=0"),
    ("a decorator of what it calls", "@cache\ndef f(): pass\ndef root(): f()\n", "@cache\n", ""),
    ("a lambda", "f = lambda x: x + 1\ndef root(): return f(1)\n", "x + 1", "x + 2"),
    ("a lambda's default", "f = lambda x=1: x\ndef root(): return f()\n", "x=1", "x=2"),
    ("a comprehension", "N = 1\ndef root(): return [N for i in x]\n", "N = 1", "N = 2"),
    ("a condition before an error", "def root(x):\n    if x > 1:\n        raise E('a')\n", "x > 1", "x > 2"),
    ("the class of an error", "def root(x):\n    raise KeyError('a')\n", "KeyError", "IndexError"),
    ("an assertion's condition", "def root(x):\n    assert x > 1, 'a'\n", "x > 1", "x > 2"),
    ("a global written elsewhere", "N = 1\ndef root():\n    global N\n    N += 1\n", "N = 1", "N = 2"),
    ("a text that is returned", "def root():\n    return 'a'\n", "'a'", "'b'"),
    ("a logarithm", "from math import log\ndef root(x):\n    log(x, 1)\n", "log(x, 1)", "log(x, 2)"),
    ("an alias of a library", "import scipy.signal as s\ndef root(): s.welch()\n", "scipy.signal", "scipy.stats"),
    ("a name of a library", "from scipy import a as f\ndef root(): f()\n", "import a as", "import b as"),
    ("a local import", "def root():\n    from scipy import a as f\n    f()\n", "import a as", "import b as"),
    (
        "a function registered by its decorator",
        "R = {}\n@R.add\ndef f(): return 1\ndef root(): R\n",
        "return 1",
        "return 2",
    ),
    (
        "a function that a decorator of ours registers",
        "R = []\ndef put(f):\n    R.append(f)\n@put\ndef f(): return 1\ndef root(): return R\n",
        "return 1",
        "return 2",
    ),
    ("a mutual recursion", "def f(n): return root(n - 1)\ndef root(n): return f(n)\n", "n - 1", "n - 2"),
    ("globals()", "N = 1\ndef root(): return globals()['N']\n", "N = 1", "N = 2"),
    ("a number's type", "def root(): return 1\n", "return 1", "return 1.0"),
    ("a keyword-only mark", "def root(a, b=1): pass\n", "a, b", "a, *, b"),
    ("an async function", "async def root(): pass\n", "async def", "def"),
    ("a nested function", "def root():\n    def f(): return 1\n    return f\n", "return 1", "return 2"),
    ("the type of a caught error", "def root():\n    try: f()\n    except A: pass\n", "except A", "except B"),
    ("a description that no call takes", "def root():\n    description = 'a'\n    return description\n", "'a'", "'b'"),
]

KEEPS = [
    ("a docstring", "def root():\n    'a'\n    return 1\n", "'a'", "'b'"),
    ("a docstring more", "def root():\n    return 1\n", "    return", "    'a'\n    return"),
    ("a docstring of the module", "'a'\ndef root():\n    return 1\n", "'a'", "'b'"),
    ("a docstring of a class", "class C:\n    'a'\ndef root(): return C\n", "'a'", "'b'"),
    ("a text below a field", "class C:\n    x: int\n    'a'\ndef root(): return C\n", "'a'", "'b'"),
    ("a comment", "def root():\n    return 1  # a\n", "# a", "# b"),
    ("the layout", "def root():\n    return (1, 2)\n", "(1, 2)", "(\n        1,\n        2,\n    )"),
    ("an argument's annotation", "def root(x: int): return x\n", "int", "float"),
    ("a result's annotation", "def root() -> int: return 1\n", "int", "float"),
    ("a local annotation", "def root():\n    x: int = 1\n    return x\n", "int", "float"),
    ("a local annotation more", "def root():\n    x = 1\n    return x\n", "x = 1", "x: int = 1"),
    ("a constant's annotation", "N: int = 1\ndef root(): return N\n", "N: int", "N"),
    ("a class in another's signature", "class C:\n    y = 1\ndef f(c: C): pass\ndef root(): f(1)\n", "y = 1", "y = 2"),
    ("TYPE_CHECKING", "if TYPE_CHECKING:\n    from a import b\ndef root(): pass\n", "a import b", "c import d"),
    ("an else of TYPE_CHECKING", "if TYPE_CHECKING:\n    N = 0\nelse:\n    N = 1\ndef root(): N\n", "N = 0", "N = 2"),
    ("the text of an error", "def root(x):\n    raise E(f'a {x}')\n", "a {x}", "b {x + 1}"),
    ("a text's function", "def t(x): return 1\ndef root(x):\n    raise E(f'a {t(x)}')\n", "return 1", "return 2"),
    ("a function that makes an error", "def e(): return E(1)\ndef root():\n    raise e()\n", "E(1)", "E(2)"),
    ("the cause of an error", "def root(x):\n    raise E(1) from x\n", " from x", " from None"),
    ("the text of an assertion", "def root(x):\n    assert x, 'a'\n", "'a'", "'b'"),
    ("a log sentence", "def root(x):\n    LOG.info('a %s', x)\n", "'a %s', x", "'b'"),
    ("a log sentence more", "def root(x):\n    return x\n", "    return", "    log.info('b')\n    return"),
    ("a log sentence in a lambda", "def root(log): return lambda n: log.info(f'{n} a')\n", "a')", "of b')"),
    ("a log sentence of an object", "def root(self):\n    self._log.warning('a')\n", "'a'", "'b'"),
    ("a warning", "import warnings\ndef root(x):\n    warnings.warn('a')\n", "'a'", "'b'"),
    ("a warning by its name", "from warnings import warn\ndef root(x):\n    warn('a')\n", "'a'", "'b'"),
    ("a log sentence's function", "def t(x): return 1\ndef root(x):\n    log.info(t(x))\n", "return 1", "return 2"),
    ("a description", "def root(d):\n    d.check('x', description='a' f'{d}')\n", "'a'", "'b'"),
    ("a help", "N = option(help='a')\ndef root():\n    return N\n", "'a'", "'b'"),
    ("a sibling", "def f(): return 1\ndef root(): return 1\n", "def f(): return 1", "def f(): return 2"),
    ("a new sibling", "def root(): return 1\n", "def root", "def f(): return 2\ndef root"),
    ("the other constant of a tuple", "A, B = 1, 2\ndef root():\n    return A\n", "1, 2", "1, 3"),
    ("the other constant under if", "if f:\n    A = 1\n    B = 2\ndef root(): return A\n", "B = 2", "B = 3"),
    ("an unused import", "def root(): return 1\n", "def root", "import scipy\ndef root"),
    ("an unused local import", "def root():\n    return 1\n", "    return", "    import scipy\n    return"),
    ("an alias", "import numpy as np\ndef root(): np.mean()\n", "np", "xp"),
    (
        "how a library is imported",
        "import a.b\ndef root(): a.b.c()\n",
        "import a.b\ndef root(): a.b.c",
        "from a.b import c\ndef root(): c",
    ),
    ("a global of a local's name", "N = 1\ndef root(N): return N\n", "N = 1", "N = 2"),
    ("a global of a comprehension's name", "i = 1\ndef root(): return [i for i in x]\n", "i = 1", "i = 2"),
    ("a global of a walrus's name", "y = 1\ndef root():\n    return (y := 2) + y\n", "y = 1", "y = 3"),
    ("a global of an except's name", "e = 1\ndef root():\n    try: f()\n    except E as e: e\n", "e = 1", "e = 3"),
    ("a global of a match's name", "e = 1\ndef root(x):\n    match x:\n        case [*e]: e\n", "e = 1", "e = 3"),
    ("the script", "def root(): return 1\nif __name__ == '__main__':\n    f(1)\n", "f(1)", "f(2)"),
    ("a decorated sibling", "@cache\ndef f(): return 1\ndef root(): pass\n", "return 1", "return 2"),
    (
        "a sibling wrapped by a decorator of ours",
        "def wrap(f): return f\n@wrap\ndef f(): return 1\ndef root(): pass\n",
        "return 1",
        "return 2",
    ),
    ("pass", "def root():\n    'a'\n", "    'a'", "    pass"),
    ("a text as it is written", "def root(): return 'a'\n", "'a'", '"a"'),
]


def names(cases):
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


def before_and_after(tmp_path, text, old, new):
    assert text.count(old) >= 1
    tree = SourceTree(tmp_path, {"neuropipe/m.py": text})
    before = tree.version(ROOT)
    tree.edit("neuropipe/m.py", old, new)
    return before, tree.version(ROOT)


@pytest.mark.parametrize(("text", "old", "new"), names(CHANGES))
def test_what_may_decide_bytes_changes_the_version(tmp_path, text, old, new):
    before, after = before_and_after(tmp_path, text, old, new)
    assert before != after


@pytest.mark.parametrize(("text", "old", "new"), names(KEEPS))
def test_what_cannot_decide_bytes_keeps_the_version(tmp_path, text, old, new):
    before, after = before_and_after(tmp_path, text, old, new)
    assert before == after
