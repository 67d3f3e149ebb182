#!/bin/sh
# The report is what it was, byte for byte.
set -u
command -v python3 >/dev/null || exit 126
python3 -m shop.report stock.txt | cmp - hidden/report.txt
