# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev fuzz [TARGET] [SECONDS]

only='' seconds=30
for argument; do
	case $argument in
	*[!0-9]*) only=$argument ;;
	*) seconds=$argument ;;
	esac
done
need "the build" "${packages_build[@]}"
need "fuzzing" "${packages_fuzz[@]}"
CC=clang configure fuzz -Dfuzz=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
compile
