# SPDX-License-Identifier: Apache-2.0
# Sourced by what makes Debian roots: a base system kept as a tar, and the
# host's way to packages.

# The sources of this machine where they are Debian's for suite $1, so that a
# local mirror is used when there is one.
debian_sources() {
  apt-get indextargets --format '$(SITE) $(CODENAME) $(SUITE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    awk -v suite="$1" '$4 == "main" && index($2, suite) == 1 { print "deb " $1 " " $2 " main" }' | sort -u
}

# Makes the tar $1 of a minimal system of suite $2 with packages $3 (a,b,c or
# nothing), unless it is there; one at a time. debootstrap's log lies beside it.
make_debian_base() {
  local tar=$1 suite=$2 packages=$3 work=${1%.tar}.d mirror
  exec 8>"$tar.lock"
  flock 8
  if [[ ! -e $tar ]]; then
    mirror=$(debian_sources "$suite" | awk -v suite="$suite" '$3 == suite { print $2; exit }')
    echo "making $tar" >&2
    rm -rf --one-file-system -- "$work"
    if ! debootstrap --variant=minbase ${packages:+--include="$packages"} "$suite" "$work" \
      ${mirror:+"$mirror"} >"$tar.log" 2>&1; then
      tail -n 20 "$tar.log" >&2
      rm -rf --one-file-system -- "$work"
      echo "debootstrap failed, see $tar.log" >&2
      return 1
    fi
    chmod 755 "$work"
    tar -C "$work" --numeric-owner -cf "$tar.part" .
    mv "$tar.part" "$tar"
    rm -rf --one-file-system -- "$work"
  fi
  exec 8>&-
}

# Gives the root $1 of suite $2 the host's package sources and name servers.
lend_sources() {
  local sources
  sources=$(debian_sources "$2")
  [[ -z $sources ]] || printf '%s\n' "$sources" >"$1/etc/apt/sources.list"
  apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|Check-)' >"$1/etc/apt/apt.conf.d/10host" || true
  cp /etc/resolv.conf "$1/etc/resolv.conf"
}
