#!/bin/sh
# Installs what `make bench` measures popgate beside: the collectors fetchmail, mpop (with msmtp) and getmail6, and Postfix;
# Dovecot, which serves them all; tshark and GNU time, which count. Nothing is started, and no configuration of the machine
# is touched: each run writes its own.
set -eu

want="dovecot-pop3d postfix fetchmail mpop msmtp getmail6 tshark time iproute2 openssl ca-certificates"

[ "$(id -u)" = 0 ] || { echo "bench-install: must be root: it installs Debian packages ($want)" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "bench-install: needs a Debian system with apt-get" >&2; exit 1; }

have() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=
for package in $want; do have "$package" || missing="$missing $package"; done
[ -n "$missing" ] || { echo "bench-install: everything is there"; exit 0; }

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# An installation must not start daemons: each run starts its own, on loopback.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
	made=yes
fi
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
echo "wireshark-common wireshark-common/install-setuid boolean false" | debconf-set-selections
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
[ -z "$made" ] || rm -f "$policy"

for program in dovecot postfix fetchmail mpop msmtp getmail tshark ip openssl; do
	command -v "$program" >/dev/null || { echo "bench-install: $program is still missing after the installation" >&2; exit 1; }
done
echo "bench-install: installed"
