#!/bin/sh
# linphone inside, at Kamailio, and linphone outside behind a masquerading
# NAT: calls both ways, hang-up from each side, media by the relays. Then the
# NAT forgets what it knew: the client comes back and is reached again.
SETTINGS_ACCESS='flow_timer: 10s'
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/baresip.sh"
. "$(dirname "$0")/linphone.sh"
. "$(dirname "$0")/party.sh"

lab_setup
lab_home
lab_up
lab_dns
kamailio_up
in_home tests/net/sip.py credentials carol --ca "$LAB/tls/external-ca.crt" \
	>"$LAB/carol.json" || fail "credentials for carol"
in_in tests/net/sip.py credentials dave --server 10.0.0.20:5061 \
	--name fe.int.contoso.test --ca "$LAB/tls/internal-ca.crt" \
	--location intranet >"$LAB/dave.json" || fail "credentials for dave"
linphone_config "$LAB/carol" carol "$LAB/tls/external-ca.crt" \
	"sip:sip.contoso.test:443;transport=tls" 440 198.51.100.30 \
	"$LAB/carol.json"
linphone_config "$LAB/dave" dave "$LAB/tls/internal-ca.crt" \
	"sip:fe.int.contoso.test:5061;transport=tls" 880 10.0.0.10 \
	"$LAB/dave.json"
PARTY_carol='linphone 440'
PARTY_dave='linphone 880'
linphone_up in_home "$LAB/carol" carol
linphone_up in_in "$LAB/dave" dave
lab_wait 15 "carol to register" linphone_registered carol 1
lab_wait 15 "dave to register" linphone_registered dave 1
lab_ctl connections --json | grep -q '"198.51.100.78:' ||
	fail "carol is not seen behind the NAT"

call carol dave dave
call dave carol carol

# A connection that is silent for a second is forgotten: the next keep-alive
# of carol comes from a stranger's port.
in_out sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1
lab_wait 40 "carol to come back through the NAT" linphone_registered carol 2
in_out sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=600
call dave carol dave
lab_ok "three calls: both ways, and after the NAT forgot"
