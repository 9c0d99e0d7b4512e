#!/bin/sh
# Installed on a host with systemd, as docs/ops/install.md has it: the real
# units in their sandboxes, under a systemd of their own in a root that is an
# overlay of this one. What is stopped stays stopped although somebody looks,
# what is killed comes back however often, a service without work is idle
# and needs no certificate, until a topology has work for it. A connector and
# a publisher stand there, too: docs/ops/webconf.md and replication.md.
. "$(dirname "$0")/lib.sh"

SYSTEMD=/lib/systemd/systemd
lab_plain # the units' sandbox is not made for sanitizers
[ "$(id -u)" -eq 0 ] || skip "needs root"
[ -x $SYSTEMD ] || skip "needs systemd"
case $B in "$TOP"/*) ;; *) skip "the programs must lie below the sources" ;; esac
LAB=$(mktemp -d /tmp/sallyport-test.XXXXXX)
trap lab_teardown EXIT
trap 'exit 1' INT TERM

# ---- outside: a root of its own, and systemd in it ---------------------------
cat >"$LAB/boot.sh" <<END
set -e
mount --make-rprivate /
mkdir "$LAB/root" "$LAB/over"
mount -t tmpfs -o size=300m none "$LAB/over"
mkdir "$LAB/over/up" "$LAB/over/work"
mount -t overlay -o lowerdir=/,upperdir=$LAB/over/up,workdir=$LAB/over/work none "$LAB/root"
cd "$LAB/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
if [ -d /sys/fs/cgroup/systemd ]; then
	mount -t tmpfs none sys/fs/cgroup
	mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
	mount -t cgroup -o none,name=systemd none sys/fs/cgroup/systemd
	mount -t cgroup2 none sys/fs/cgroup/unified
else
	mount -t cgroup2 none sys/fs/cgroup
fi
mount --rbind /dev dev
mount -t tmpfs none run
mount -t tmpfs none tmp
mkdir -p src lab old etc/systemd/system
mount --bind "$TOP" src
mount --bind "$LAB" lab
rm -rf etc/sallyport var/lib/sallyport etc/systemd/system/*.wants
echo 0123456789abcdef0123456789abcdef >etc/machine-id
for unit in systemd-udevd systemd-logind systemd-networkd systemd-resolved \
	systemd-timesyncd systemd-journal-flush systemd-update-utmp; do
	ln -sf /dev/null etc/systemd/system/\$unit.service
done
cat >etc/systemd/system/inner.service <<UNIT
[Service]
Type=oneshot
ExecStart=/bin/sh /lab/inner.sh
ExecStopPost=/bin/systemctl poweroff --force --no-wall
StandardOutput=file:/lab/inner.out
StandardError=file:/lab/inner.log
UNIT
mkdir etc/systemd/system/multi-user.target.wants
ln -s ../inner.service etc/systemd/system/multi-user.target.wants/
pivot_root . old
umount -l old
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin $SYSTEMD \\
	--unit=multi-user.target --show-status=no --log-target=null
END

# ---- inside: the steps of install.md -----------------------------------------
cat >"$LAB/inner.sh" <<END
set -u
echo begun
fail() {
	echo "FAIL: \$*"
	edgectl status
	journalctl --no-pager -n 40 -o cat
	exit 1
}
ready() { # WHAT COMMAND...: within five seconds
	_what=\$1
	shift
	for _ in \$(seq 50); do
		"\$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	fail "\$_what"
}
is() { edgectl status | grep -q " \$1  *\$2 "; }
unit() { systemctl "\$1" "sallyport-\$2"; }

for side in ext int; do
	ip link add \${side}0 type veth peer name \${side}1
	ip link set \${side}1 up
	ip link set \${side}0 up
done
for a in 10 11 12; do ip addr add 192.0.2.\$a/24 dev ext0; done
for a in 10 20; do ip addr add 10.0.0.\$a/24 dev int0; done
ip route add default via 192.0.2.1
make -s -C /src B="/src/${B#"$TOP"/}" install || fail "make install"
edgectl init --yes --domain example.com --internal-address 10.0.0.10 \\
	--access-address 192.0.2.10 --av-address 192.0.2.12 \\
	--next-hop fe.int.example.com --next-hop-address 10.0.0.20 \\
	--peer fe.int.example.com ||
	fail "edgectl init"
systemctl enable --now sallyport.target || fail "enable --now"

echo "# all run, one has nothing to do"
ready "status" edgectl status
for d in access-edge av-auth av-edge replication-agent; do
	is \$d serving || fail "\$d does not serve"
done
is webconf-edge idle || fail "webconf-edge is not idle"
edgectl doctor || fail "doctor"
unit reload access-edge || fail "reload"

echo "# stopped is stopped, whoever looks"
unit stop av-edge
edgectl status
edgectl doctor >/dev/null
sleep 1
! unit is-active av-edge || fail "it started again"
unit start av-edge || fail "start"
ready "av-edge" is av-edge serving

echo "# killed is back, again and again"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	ready "a process to kill" unit is-active av-auth
	systemctl kill -s KILL sallyport-av-auth
	sleep 0.1
done
ready "av-auth" is av-auth serving

echo "# work comes"
sed -e 's|^    av: .*|&\\n    webconf: {name: webcon.example.com}|' \\
	-e 's|av: 192.0.2.12|&, webconf: 192.0.2.11|' \\
	-e 's|av-auth\\]|av-auth, webconf]|' /etc/sallyport/topology.yaml >t.yaml
! edgectl topology apply t.yaml || fail "without its certificate"
cd /etc/sallyport/tls || fail "no /etc/sallyport/tls"
cp external-sip.crt external-webconf.crt
cp external-sip.key external-webconf.key
chgrp sallyport-webconf-edge external-webconf.key
chmod 640 external-webconf.key
edgectl topology apply /t.yaml || fail "apply"
ready "webconf-edge" is webconf-edge serving
edgectl ports || fail "ports"

echo "# a connector"
tls=/etc/sallyport/tls
cp ../lab-ca/fe.int.example.com.crt \$tls/fe.crt
cp ../lab-ca/fe.int.example.com.key \$tls/fe.key
chgrp sallyport-tls \$tls/fe.key
chmod 640 \$tls/fe.key
{
	edgectl topology dump --connector
	echo "pool: fe.int.example.com"
	echo "certificate: {chain: \$tls/fe.crt, key: \$tls/fe.key}"
	echo "trust: \$tls/internal-ca.crt"
	echo "target: 127.0.0.1:443"
} >/etc/sallyport/connector.yaml
unit start webconf-connector || fail "start of the connector"
ready "the connector at the edge" sh -c \
	"edgectl webconf servers | grep -q fe.int.example.com"
edgectl webconf ticket --conference sip:board@example.com >/board.ticket ||
	fail "a ticket"
unit reload webconf-connector || fail "reload of the connector"

echo "# a publisher"
sed -e 's|cms.int.contoso.test|fe.int.example.com|' \
	-e "s|\$tls/publisher|\$tls/fe|g" /usr/share/sallyport/publisher.yaml \
	>/etc/sallyport/publisher.yaml
sed -e 's|\[sip, av-auth|&, replication|' /t.yaml >/p.yaml
cd /
edgectl publish key generate || fail "publish key"
edgectl publish p.yaml --no-wait || fail "publish"
edgectl publish export first.edgb || fail "export"
edgectl replication bootstrap --trust trust.json first.edgb || fail "bootstrap"
unit start publisher || fail "start of the publisher"
ready "the roll-out" edgectl publish status
edgectl replication status || fail "replication status"
find /var/lib/sallyport/publisher -user root | grep . && fail "root's files"

echo "# all end"
systemctl stop sallyport.target "sallyport-*.service"
sleep 0.5
[ -z "\$(systemctl list-units -q 'sallyport*.service' --state=active)" ] ||
	fail "something goes on"
echo passed
END

# Control groups of its own, below ours, so that none stays behind.
cgroups() {
	while IFS=: read -r _ _name _path; do
		_name=${_name#name=}
		_at=/sys/fs/cgroup/${_name:-unified}
		[ -d "$_at" ] || _at=/sys/fs/cgroup
		[ ! -w "$_at$_path/cgroup.procs" ] || echo "$_at$_path/$LAB_ID"
	done </proc/self/cgroup
}
groups=$(cgroups)
for group in $groups; do mkdir "$group" || skip "no control groups here"; done
# shellcheck disable=SC2016 # $group is the inner shell's
timeout -k 5 150 sh -c '
	for group in $1; do
		echo $$ 2>/dev/null >"$group/cgroup.procs" || true
	done
	exec unshare --mount --pid --fork --kill-child --net --ipc --uts \
		--cgroup sh "$2"' - "$groups" "$LAB/boot.sh" \
	>"$LAB/boot.log" 2>&1 </dev/null || true
for group in $groups; do
	find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
done
[ -s "$LAB/inner.out" ] ||
	skip "no systemd comes up here: $(tail -n 1 "$LAB/boot.log")"
grep '^#' "$LAB/inner.out"
[ "$(tail -n 1 "$LAB/inner.out")" = passed ] ||
	fail "$(cat "$LAB/inner.out" "$LAB/inner.log")"
lab_ok "installed, enabled, stopped, killed, given work, published to, ended"
