# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev fmt

need "fmt" clang-format
find protocol gst-vsockenc agent host-stub tests -name '*.[ch]' -print0 | xargs -0r clang-format -i
say "formatted"
