#!/bin/sh
# Installs what `make deb-check` needs: lintian, mmdebstrap, and systemd with its containers. Nothing is started.
set -eu

want="lintian mmdebstrap systemd systemd-container util-linux ca-certificates"

[ "$(id -u)" = 0 ] || { echo "deb-check: must be root: it boots a Debian of its own, and installs Debian packages ($want)" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "deb-check: needs a Debian system with apt-get" >&2; exit 1; }

have() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=
for package in $want; do have "$package" || missing="$missing $package"; done
[ -n "$missing" ] || exit 0

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# An installation must not start daemons.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
	made=yes
fi
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io $missing >/dev/null
[ -z "$made" ] || rm -f "$policy"
