# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev demo [--guest] [--encoder NAME] [--frames N] [--endpoint ADDRESS]

demo_encoder=auto demo_frames='' demo_endpoint='' demo_name=demo
while [ $# -gt 0 ]; do
	case $1 in
	--guest)
		demo_name=demo-guest
		shift
		;;
	--encoder | --frames | --endpoint)
		[ $# -gt 1 ] || die "$1 needs a value"
		declare "demo_${1#--}=$2"
		shift 2
		;;
	-h | --help)
		echo "usage: ./dev demo [--guest] [--encoder NAME] [--frames N] [--endpoint ADDRESS]"
		echo "Writes demo.mp4 and demo.png into the current folder. NAME: a GStreamer H.264 encoder, or null."
		echo "--guest: the pipeline runs in a guest under QEMU; writes demo-guest.mp4 and demo-guest.png."
		exit 0
		;;
	*) die "demo takes --guest, --encoder NAME, --frames N and --endpoint ADDRESS, not '$1'" ;;
	esac
done
[ -n "$demo_frames" ] || demo_frames=$([ $demo_name = demo ] && echo 600 || echo 300)
[[ $demo_frames =~ ^[1-9][0-9]{0,5}$ ]] || die "--frames wants a number from 1 to 999999"

[ $demo_name = demo ] || [ -z "$demo_endpoint" ] || die "with --guest the host is part of the demo: leave --endpoint out"

need "the build" "${packages_build[@]}"
need "the demo" "${packages_run[@]}"
configure release -Dbuildtype=release
compile helix-host-stub gstvsockenc

# Everything that does not stay; the host goes first.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/helix-demo.XXXXXX")
host_pid=
clean_up() {
	[ -z "$host_pid" ] || kill "$host_pid" 2>/dev/null || true
	rm -rf "$scratch"
}
trap clean_up EXIT

export GST_PLUGIN_PATH="$build/gst-vsockenc${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export GST_REGISTRY="$build/demo.registry" # the user's own does not learn of this build
export GST_DEBUG_NO_COLOR=1

start_host() {
	local socket=$scratch/host.sock waited=0
	"$build/host-stub/helix-host-stub" stream --listen "unix:$socket" --encoder "$demo_encoder" \
		--stats json >"$scratch/host.out" 2>"$scratch/host.log" </dev/null &
	host_pid=$!
	until grep -qs '^listening' "$scratch/host.out"; do
		kill -0 "$host_pid" 2>/dev/null || {
			cat "$scratch/host.log" >&2
			die "the host stub did not start; what it said is above"
		}
		waited=$((waited + 1))
		[ "$waited" -lt 300 ] || die "the host stub does not listen after 30 s"
		sleep 0.1
	done
	demo_endpoint=unix:$socket
}

# The counters that the host prints when it is told to end.
stop_host() {
	kill "$host_pid"
	wait "$host_pid" || true
	host_pid=
}

# timed FILE COMMAND...: "user system real" seconds of the command into FILE
timed() {
	local file=$1 status=0 TIMEFORMAT='%U %S %R'
	shift
	{ time "$@" 2>"$scratch/log" </dev/null >"$scratch/out" || status=$?; } 2>"$file"
	return "$status"
}

# On this machine, videotestsrc in place of a screen.
run_here() {
	local caps=video/x-raw,format=NV12,width=1280,height=720,framerate=60/1 overlay=() pipeline
	local source=(videotestsrc pattern=smpte horizontal-speed=4)
	! gst-inspect-1.0 --exists timeoverlay || overlay=('!' timeoverlay)
	[ -n "$demo_endpoint" ] || start_host
	pipeline=("${source[@]}" is-live=true num-buffers="$demo_frames" '!' "$caps" "${overlay[@]}"
		'!' vsockenc endpoint="$demo_endpoint" '!' h264parse '!' mp4mux '!' filesink location="$scratch/demo.mp4")
	say "$demo_frames frames of 1280x720 at 60 fps:"
	echo "    gst-launch-1.0 ${pipeline[*]}"
	GST_DEBUG=2,vsockenc:4 timed "$scratch/guest.time" timeout $((demo_frames / 60 + 60)) \
		gst-launch-1.0 "${pipeline[@]}" || {
		grep -hE -A 3 '^ERROR' "$scratch/out" "$scratch/log" >&2 || tail -n 20 "$scratch/log" >&2
		[ ! -s "$scratch/host.log" ] || sed 's/^/host: /' "$scratch/host.log" >&2
		die "the pipeline failed; what GStreamer said is above"
	}
	cp "$scratch/log" "$scratch/guest.log"
	cp "$scratch/out" "$scratch/guest.out"
	[ -z "$host_pid" ] || stop_host
	# What the source costs without an encoder, so that the figure of the whole process can be read.
	timed "$scratch/source.time" timeout 120 gst-launch-1.0 "${source[@]}" num-buffers="$demo_frames" '!' "$caps" \
		"${overlay[@]}" '!' fakesink
}

# In a guest, from a PipeWire screen cast whose frames are virtio-gpu resources.
run_in_guest() {
	local obstacle
	source "$here/dev.d/guest-image.sh"
	obstacle=$(guest_obstacle)
	[ -z "$obstacle" ] || die "no guest can run here: $obstacle"
	guest_prepare boot
	say "$demo_frames frames of 1280x720 at 30 fps, in a guest, whose screen shows a test picture with the number of the frame:"
	echo "    gst-launch-1.0 pipewiresrc ! vsockenc ! h264parse ! mp4mux ! filesink location=demo-guest.mp4"
	"$python" -B "$here/tests/guest/demo.py" "${guest_roots[@]}" --home "$guest_home" --qemu "$guest_qemu" \
		--stub "$build/host-stub/helix-host-stub" --logs "$here/build/guest" \
		--encoder "$demo_encoder" --frames "$demo_frames" --out "$scratch" </dev/null || exit 1
}

if [ $demo_name = demo ]; then run_here; else run_in_guest; fi

say "decoding $demo_name.mp4 and taking the picture"
# One picture a second is kept, the one in the middle is shown.
timed "$scratch/decode.time" timeout 300 gst-launch-1.0 -v filesrc location="$scratch/demo.mp4" '!' qtdemux '!' h264parse \
	'!' avdec_h264 '!' identity name=decoded silent=false '!' videorate drop-only=true '!' video/x-raw,framerate=1/1 \
	'!' videoconvert '!' pngenc '!' multifilesink location="$scratch/%04d.png" ||
	die "$demo_name.mp4 does not decode: $(grep -m 1 ERROR "$scratch/log" "$scratch/out")"
decoded=$(grep -c 'decoded: last-message = chain' "$scratch/out" || true)
pictures=("$scratch"/[0-9]*.png)

cd "$caller_dir"
mv "$scratch/demo.mp4" "$demo_name.mp4"
mv "${pictures[${#pictures[@]} / 2]}" "$demo_name.png"
"$python" "$here/dev.d/demo-report.py" "$scratch" "$demo_frames" "$decoded" "$PWD/$demo_name"
