#!/bin/sh
# The command line is what it was: output, usage, exit status.
set -u
command -v python3 >/dev/null || exit 126
[ "$(python3 slugs.py 'Plain Title')" = "plain-title" ] || { echo "plain title"; exit 1; }
[ "$(python3 slugs.py 'Plain' 50)" = "plain" ] || { echo "with a length"; exit 1; }
python3 slugs.py >/dev/null 2>&1
[ $? -eq 2 ] || { echo "no argument must exit with 2"; exit 1; }
