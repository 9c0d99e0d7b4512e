#!/bin/sh
# edgectl test av: every way to the relay on both sides, from the edge itself
# and from outside with a credential brought along; a wrong public address, a
# closed port and a bad credential are told by name (R12).
. "$(dirname "$0")/lib.sh"

SETTINGS_AV='allow_peers: [198.51.100.0/24]'
lab_setup
lab_cert av external-ca av.contoso.test edge.int.contoso.test
AV_CERT="external-av: {chain: $LAB/tls/av.crt, key: $LAB/tls/av.key}"
sed -i "s|^certificates:|&\n  $AV_CERT|" "$LAB/edge.yaml"
lab_up

# row FILE SIDE WAY DIALECT FIELD
row() {
	python3 - "$@" <<'END'
import json, sys
file, side, way, dialect, field = sys.argv[1:]
for r in json.load(open(file))["ways"]:
    if (r["side"], r["way"], r["dialect"]) == (side, way, dialect):
        print(r[field]); sys.exit(0)
sys.exit("no row %s %s %s" % (side, way, dialect))
END
}

echo "# on the edge: both sides, five ways, seen by a second allocation"
lab_ctl test av --json >"$LAB/av.json" || fail "$(cat "$LAB/av.json")"
for side in external internal; do
	for way in 'udp rfc' 'tcp rfc' 'tls rfc' 'udp ms-turn' \
		'pseudo-tls ms-turn'; do
		# shellcheck disable=SC2086
		[ "$(row "$LAB/av.json" $side $way ok)" = True ] ||
			fail "$side $way: $(cat "$LAB/av.json")"
	done
done
[ "$(row "$LAB/av.json" external udp rfc seen_by)" = "an allocation" ] ||
	fail "who looked: $(cat "$LAB/av.json")"

echo "# TLS is not missed where nobody named a certificate for it"
sed '/external-av:/d' "$LAB/edge.yaml" >"$LAB/plain.yaml"
in_edge edgectl -c "$LAB/plain.yaml" test av --json >"$LAB/av.json" ||
	fail "without a certificate: $(cat "$LAB/av.json")"
row "$LAB/av.json" external tls rfc text | grep -q external-av ||
	fail "no word of it: $(cat "$LAB/av.json")"
[ "$(row "$LAB/av.json" external tls rfc ok)" = None ] || fail "tls is judged"

echo "# from outside, with a credential brought along: seen by a socket"
lab_ctl credentials issue --user sip:alice@contoso.test --json \
	>"$LAB/cred.json" || fail "issue"
outside() {
	in_out edgectl test av --side external --credential "$LAB/cred.json" \
		--trust "$LAB/tls/external-ca.crt" "$@"
}
outside --json >"$LAB/av.json" || fail "outside: $(cat "$LAB/av.json")"
for way in 'udp rfc' 'tcp rfc' 'tls rfc' 'udp ms-turn'; do
	# shellcheck disable=SC2086
	[ "$(row "$LAB/av.json" external $way seen_by)" = "a socket" ] ||
		fail "$way: $(cat "$LAB/av.json")"
done
outside | grep -q '^external *pseudo-tls *ms-turn *198.51.100.30:443 *yes' ||
	fail "text: $(outside)"

echo "# a port that is closed on the way"
in_edge nft -f - <<'END'
table inet t {
	chain in {
		type filter hook input priority 0;
		iifname "ext0" tcp dport 443 ip daddr 198.51.100.30 drop
	}
}
END
! outside --way tcp --way udp --json >"$LAB/av.json" ||
	fail "a closed port is fine"
[ "$(row "$LAB/av.json" external udp rfc ok)" = True ] || fail "udp suffers"
row "$LAB/av.json" external tcp rfc text | grep -q 'firewall' ||
	fail "no advice: $(cat "$LAB/av.json")"
in_edge nft delete table inet t

echo "# a NAT on the way that is not in the topology"
in_edge nft -f - <<'END'
table ip nat {
	chain post {
		type nat hook postrouting priority srcnat;
		oifname "ext0" ip saddr 198.51.100.30 udp sport 50000-59999 snat to 198.51.100.20
	}
}
END
! outside --way udp --json >"$LAB/av.json" || fail "a wrong address is fine"
row "$LAB/av.json" external udp rfc observed | grep -q '^198.51.100.20:' ||
	fail "observed: $(cat "$LAB/av.json")"
row "$LAB/av.json" external udp rfc text | grep -q 'public address (nat)' ||
	fail "no advice: $(cat "$LAB/av.json")"
in_edge nft delete table ip nat

echo "# a credential that is not good, words that are not"
sed 's/"password": *"[^"]*"/"password": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="/' \
	"$LAB/cred.json" >"$LAB/bad.json"
! in_out edgectl test av --side external --credential "$LAB/bad.json" \
	--way udp --json >"$LAB/av.json" || fail "a wrong password is fine"
row "$LAB/av.json" external udp rfc text | grep -q 401 ||
	fail "$(cat "$LAB/av.json")"
status=0
in_out edgectl test av --way carrier-pigeon >/dev/null 2>&1 || status=$?
[ "$status" = 2 ] || fail "status $status for a way that is none"
lab_ok "edgectl test av"
