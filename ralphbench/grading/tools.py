"""Which package brings a tool that a task needs."""

from __future__ import annotations

from collections.abc import Iterable

_APT = {
    "bash": "bash",
    "bear": "bear",
    "c++": "g++",
    "cargo": "cargo",
    "cc": "gcc libc6-dev",
    "clang": "clang",
    "cmake": "cmake",
    "curl": "curl",
    "g++": "g++",
    "gcc": "gcc libc6-dev",
    "gdb": "gdb",
    "git": "git",
    "go": "golang-go",
    "gradle": "gradle",
    "java": "default-jre",
    "javac": "default-jdk",
    "jq": "jq",
    "make": "make",
    "meson": "meson",
    "mvn": "maven",
    "ninja": "ninja-build",
    "node": "nodejs",
    "npm": "npm",
    "perl": "perl",
    "php": "php-cli",
    "pkg-config": "pkg-config",
    "pytest": "python3-pytest",
    "python3": "python3",
    "rg": "ripgrep",
    "ruby": "ruby",
    "rustc": "rustc",
    "sqlite3": "sqlite3",
    "strace": "strace",
    "tclsh": "tcl",
    "valgrind": "valgrind",
    "xmllint": "libxml2-utils",
}


def packages_of(tools: Iterable[str]) -> str:
    """A command that installs the tools on Debian and Ubuntu; a tool that is not known here is taken for a package."""
    packages = {package for tool in tools for package in _APT.get(tool, tool).split()}
    return f"apt-get install {' '.join(sorted(packages))}"
