# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev clean

rm -rf "$here/build"
say "deleted build/"
