#!/bin/sh
# Installs what `make deb-check` needs: lintian, mmdebstrap, and systemd with its containers. Nothing is started.
set -eu

. "$(dirname "$0")/../../debian-packages.sh"

want="lintian mmdebstrap systemd systemd-container util-linux ca-certificates"

debian_root deb-check "$want"
# shellcheck disable=SC2086
missing=$(missing_packages $want)
[ -n "$missing" ] || exit 0

apt-get update -qq
# shellcheck disable=SC2086
install_packages -o Dpkg::Options::=--force-unsafe-io $missing
