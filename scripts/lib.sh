# Shared by the scripts here: a virtual environment in .venv, and what else they need. Sourced, not run.
# shellcheck shell=bash

say() { printf '%s\n' "== $*" >&2; }
die() { printf '%s\n' "error: $*" >&2; exit 1; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${RALPHBENCH_VENV:-$root/.venv}

# The newest Python from 3.11 to 3.13 that can make a virtual environment.
find_python() {
    local name
    for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -z "$name" ] || ! command -v "$name" >/dev/null; then continue; fi
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "no Python 3.11 to 3.13 with venv found. On Debian or Ubuntu: apt-get install python3 python3-venv"
}

# make_venv [extra]: installs ralphbench into .venv; does nothing where it is installed from the same pyproject.toml.
make_venv() {
    local extra=${1:-} stamp want python
    command -v git >/dev/null || die "git is missing. On Debian or Ubuntu: apt-get install git"
    stamp="$venv/.installed${extra:+-$extra}"
    want=$(sha256sum "$root/pyproject.toml" | cut -d' ' -f1)
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
    python=$(find_python)
    say "installing ralphbench${extra:+ with [$extra]} into ${venv#"$root"/} ($("$python" --version))"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$root${extra:+[$extra]}"
    printf '%s\n' "$want" >"$stamp"
}

# have_opencode: installs the pinned opencode; says why not and returns 1 where it cannot be had.
have_opencode() {
    "$venv/bin/ralphbench" agents install opencode >&2 && return
    say "opencode could not be installed: the built-in agent is used in its place"
    return 1
}

# have_mini: mini-swe-agent, an agent of somebody else's, in an environment of its own; the tests drive it by its description.
have_mini() {
    local place="$venv-mini" pin="mini-swe-agent==2.4.6"
    export RALPHBENCH_MINI="$place/bin"
    if [ "$(cat "$place/.installed" 2>/dev/null)" = "$pin" ]; then return; fi
    say "installing $pin into ${place#"$root"/}"
    "$venv/bin/python" -m venv "$place" &&
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$pin" mcp &&
        printf '%s\n' "$pin" >"$place/.installed" && return
    say "mini-swe-agent could not be installed: its tests are skipped"
    return 1
}

# apt_install NAME...: Debian packages, where we may install them; says what is missing where not.
apt_install() {
    local missing=() name sudo=""
    command -v dpkg-query >/dev/null || { say "not Debian: please install by hand: $*"; return 1; }
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || { say "not root, so these are missing: ${missing[*]}"; return 1; }
        sudo="sudo -n"
    fi
    say "installing Debian packages: ${missing[*]}"
    if $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null; then
        return
    fi
    say "could not install ${missing[*]}"
    return 1
}
