"""Who may see whom: includes and imports follow the architecture."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "cpp" / "src"

BASICS = [r"pydl/(tensor|shape|dtype|error)\.h"]
PUBLIC = [r"pydl/\w+\.h"]
BACKEND = [
    r"exec/kernel\.h",
    r"op/(op_id|attrs|elementwise_(table|kind)|(conv|pool|recurrent)_geometry|resample_taps)\.h",
    r"op/(batch_position|reduction_split|post_operations|ctc_batch|sort_key|true_bytes|update_factors)\.h",
    r"op/scaled_rows\.h",
    r"op/attrs/\w+\.h",
    r"runtime/\w+\.h",
    r"pydl/(shape|dtype|error)\.h",
]

# What the files of each folder may include beside their own folder's.
INCLUDES = {
    "core": [*BASICS, r"pydl/(autograd|printing|version)\.h", r"runtime/at_fork\.h"],
    "runtime": [r"pydl/(error|threads)\.h"],
    "op": [
        *BASICS,
        r"pydl/optimizer_options\.h",
        r"exec/kernel\.h",
        r"core/active_trace\.h",
        r"runtime/(amx|at_fork|threads)\.h",
    ],
    "ops": [
        *PUBLIC,
        r"op/(attrs/)?\w+\.h",
        r"autograd/node\.h",
        r"core/(entropy|named|tensor_impl)\.h",
    ],
    "autograd": [*BASICS, r"pydl/(autograd|autocast|ops)\.h", r"op/\w+\.h", r"core/\w+\.h"],
    "graph": [
        *BASICS,
        r"pydl/(autograd|random)\.h",
        r"op/(attrs/)?\w+\.h",
        r"core/\w+\.h",
        r"exec/kernel\.h",
    ],
    "exec": [
        *BASICS,
        r"pydl/(autograd|program|random)\.h",
        r"graph/(passes/)?\w+\.h",
        r"op/\w+\.h",
        r"autograd/(anomaly|node)\.h",
        r"core/\w+\.h",
        r"runtime/\w+\.h",
    ],
    # A backend sees shapes, strides and pointers: no tensors, no tape, no public functions.
    "backends/ref": BACKEND,
    "backends/cpu": BACKEND,
    "backends/onednn": BACKEND,
    "nn": [*PUBLIC, r"core/named\.h"],
    # What an optimiser consists of, and loops over vectors of all parameters.
    "optim": [*PUBLIC, r"op/attrs/update\.h", r"runtime/(threads|work_cost)\.h"],
    "data": PUBLIC,
    "training": PUBLIC,
    "compiler": [*PUBLIC, r"runtime/threads\.h", r"core/module_api\.h"],
    "io": PUBLIC,
    # Functions of one example on a batch: calls of ops in, calls of ops out.
    "vmap": [*PUBLIC, r"op/(attrs/)?\w+\.h", r"core/\w+\.h"],
    # Program files: graphs in, graphs out.
    "saved": [
        *PUBLIC,
        r"io/json\.h",
        r"op/(apply|recurrent_geometry)\.h",
        r"op/attrs/\w+\.h",
        r"graph/(recording|tracer|work)\.h",
        r"exec/recorded_function\.h",
        r"core/tensor_impl\.h",
        r"runtime/threads\.h",
    ],
}

# The marks of what libraries show.
EXPORTS = [r"pydl/export\.h", r"core/module_api\.h"]

# Bindings see the public headers, and what `info()`, `ops()` and the op table tests ask for.
BINDINGS = [
    *PUBLIC,
    r"core/named\.h",
    r"op/\w+\.h",
    r"op/attrs/update\.h",
    r"exec/kernel(_choice)?\.h",
    r"runtime/\w+\.h",
    r"compiler/(program_cache|tracing)\.h",
    r"vmap/batch_trace\.h",
    r"io/file\.h",
    r"optim/(lbfgs|optimizer)_state\.h",
    r"backends/(cpu/peak|onednn/(bare_conv|version))\.h",
]

# What the parts of the Python package may import of one another.
PYTHON = {
    "grad_mode": {"_core"},
    "autograd": {"_core", "autograd", "grad_mode", "mixed_precision"},
    "testing": {"_core", "autograd", "grad_mode"},
    "compiler": {"_core", "compiler", "nn", "optim"},
    "programs": {"_core", "compiler", "interop", "nn", "programs"},
    "nn": {"_core", "autograd", "grad_mode", "nn", "optim"},
    "optim": {"_core", "autograd", "grad_mode", "optim"},
    "data": {"_core", "data"},
    "datasets": {"_core", "data", "datasets"},
    "interop": {"_core", "interop"},
    "text": {"_core", "text"},
    "models": {"_core", "grad_mode", "interop", "models", "nn", "training"},
    "training": {
        "_core",
        "autograd",
        "compiler",
        "data",
        "grad_mode",
        "info",
        "interop",
        "mixed_precision",
        "nn",
        "optim",
        "programs",
        "training",
    },
}
# These wrap public functions, say what is missing, and warn of the line of the user.
ANYWHERE = {"_checked_calls", "_later", "_missing_names", "_named_errors", "_warnings"}
# A Sequential is a Model: the one step from layers up to training.
EXCEPTIONS = {"pydl/nn/containers.py: pydl.training.model"}


def cpp_files(folder: Path) -> list[Path]:
    return sorted([*folder.rglob("*.h"), *folder.rglob("*.cpp")])


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.M)


def is_allowed(include: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(pattern, include) for pattern in patterns)


def quoted(path: Path) -> list[str]:
    """Includes of the project itself: they have a folder and end in .h."""
    folders = {"pydl", *(folder.split("/")[0] for folder in INCLUDES), "graph"}
    return [include for include in includes(path) if include.split("/")[0] in folders]


@pytest.mark.parametrize("folder", INCLUDES)
def test_folders_include_what_they_may(folder: str) -> None:
    allowed = [*INCLUDES[folder], rf"{folder}/.+\.h", *EXPORTS]
    wrong = [
        f"{path.relative_to(ROOT)}: {include}"
        for path in cpp_files(SOURCE / folder)
        for include in quoted(path)
        if not is_allowed(include, allowed)
    ]
    assert wrong == []


def test_every_folder_has_a_rule() -> None:
    folders = {path.parent.relative_to(SOURCE).as_posix() for path in cpp_files(SOURCE)}
    covered = {
        f for f in folders if any(f == rule or f.startswith(rule + "/") for rule in INCLUDES)
    }
    assert folders - covered == set()


def test_public_headers_show_nothing_of_the_inside() -> None:
    foreign = re.compile(r"omp\.h|dnnl|oneapi|cuda|Python\.h|pybind11|numpy")
    for path in cpp_files(ROOT / "cpp" / "include"):
        wrong = [i for i in includes(path) if foreign.search(i)]
        assert wrong == [], path
        assert [i for i in quoted(path) if not is_allowed(i, PUBLIC)] == [], path


def test_bindings_include_public_headers() -> None:
    for path in cpp_files(ROOT / "pyext"):
        wrong = [i for i in quoted(path) if not is_allowed(i, BINDINGS)]
        assert wrong == [], path


@pytest.mark.parametrize(
    ("pattern", "home"),
    [(r"omp\.h", "runtime"), (r"dnnl.*|oneapi/.*", "backends/onednn"), (r"immintrin\.h", "")],
)
def test_headers_with_one_user(pattern: str, home: str) -> None:
    users = {
        path.parent.relative_to(SOURCE).as_posix()
        for path in cpp_files(SOURCE)
        if any(re.fullmatch(pattern, include) for include in includes(path))
    }
    if home:
        assert users <= {home}
    else:
        assert all(
            re.fullmatch(r"runtime|backends/cpu/(\w+/)?(kernels|amx)", user) for user in users
        )


def imported_modules(path: Path) -> Iterator[tuple[str, bool]]:
    """Absolute names that a file imports, each with whether that happens on import of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node)
        for child in ast.walk(node)
    }
    package = ["pydl", *path.relative_to(ROOT / "pydl").parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            is_root = module == "pydl"
            names = [f"pydl.{alias.name}" for alias in node.names] if is_root else [module]
        else:
            continue
        for name in names:
            yield name, node not in lazy


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def python_files(part: str) -> list[Path]:
    single = ROOT / "pydl" / f"{part}.py"
    return [single] if single.exists() else sorted((ROOT / "pydl" / part).rglob("*.py"))


@pytest.mark.parametrize("part", PYTHON)
def test_python_parts_import_what_they_may(part: str) -> None:
    files = python_files(part)
    assert files
    own = {path.stem for path in (ROOT / "pydl").iterdir() if path.name != "__pycache__"}
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name, _ in imported_modules(path)
        if name.startswith("pydl.")
        and name.split(".")[1] in own
        and name.split(".")[1] not in {*PYTHON[part], *ANYWHERE}
    }
    assert wrong - EXCEPTIONS == set()


def test_other_packages_are_imported_where_they_are_used() -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "pydl"}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "pydl").rglob("*.py"))
        for name, at_import in imported_modules(path)
        if at_import and name.split(".")[0] not in allowed
    ]
    assert wrong == []


def test_the_extension_does_not_know_the_package() -> None:
    for path in cpp_files(ROOT / "pyext"):
        assert not re.search(r'import\("pydl', path.read_text(encoding="utf-8")), path
