#!/bin/sh
# Take out of a folder of installed packages what serving never loads.
# Usage: prune-packages.sh /opt/venv/lib/python3.13/site-packages
set -eu
cd "$1"
# Two old Swagger UIs: the current one comes from flask-swagger-ui.
rm -rf flasgger/ui2 flasgger/ui3
# Compilers' helpers.
rm -rf numpy/distutils numpy/f2py
find . -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} +
# A budget, before byte code: whoever adds more sees it here, not in the bill.
most=90
size=$(du -sm . | cut -f1)
[ "$size" -le "$most" ] || { echo "packages take $size MB, more than $most" >&2; exit 1; }
