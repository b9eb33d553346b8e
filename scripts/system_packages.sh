#!/usr/bin/env bash
# Installs what Qt (and with --tests: the test suite) wants from the system, where this script may; otherwise says
# what to type. Asks nothing, and never fails: what is really missing is reported by what needs it.
set -u
[ "$(uname -s)" = Linux ] || exit 0

libraries="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)"
missing=()
needs_library() { [[ "$libraries" == *"$1"* ]] || missing+=("$2"); }
needs_command() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

needs_library libEGL.so.1 libegl1
needs_library libGL.so.1 libgl1
needs_library libxkbcommon.so.0 libxkbcommon0
needs_library libdbus-1.so.3 libdbus-1-3
needs_library libfontconfig.so.1 libfontconfig1
needs_library libglib-2.0.so.0 libglib2.0-0
needs_library libxkbcommon-x11.so.0 libxkbcommon-x11-0
needs_library libxcb-cursor.so.0 libxcb-cursor0
needs_library libxcb-icccm.so.4 libxcb-icccm4
needs_library libxcb-keysyms.so.1 libxcb-keysyms1
needs_library libxcb-image.so.0 libxcb-image0
needs_library libxcb-render-util.so.0 libxcb-render-util0
needs_library libxcb-shape.so.0 libxcb-shape0
needs_library libxcb-xkb.so.1 libxcb-xkb1
needs_library libusb-1.0.so.0 libusb-1.0-0
"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || missing+=("python3-venv")
if [ "${1:-}" = --tests ]; then
    needs_command Xvfb xvfb
    needs_command xauth xauth
    needs_command adb adb
fi
[ ${#missing[@]} -gt 0 ] || exit 0

say_how() { echo "system packages: $1 To install them: sudo apt-get install ${missing[*]}" >&2; exit 0; }
command -v apt-get >/dev/null 2>&1 || say_how "missing here, under the names they have on Debian: ${missing[*]}."
as_root=()
if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || say_how "some are missing and this account may not install them."
    as_root=(sudo -n)
fi
echo "system packages: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
{
    "${as_root[@]}" apt-get -qq update &&
        "${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}"
} </dev/null >/dev/null || say_how "they could not be installed."
