# Kamailio as the inside of Microsoft's dialect: what clients of it need from
# a Front End to sign in, find the relay, and write to each other. Whoever
# registers is believed: no registrar of Debian's speaks NTLM or TLS-DSK.
# Source after lib.sh and kamailio.sh.

front_end_config() {
	kamailio_tls
	kamailio_globals >"$LAB/$KAM_DIR/kamailio.cfg"
	cat >>"$LAB/$KAM_DIR/kamailio.cfg" <<EOF
request_route {
	if (!mf_process_maxfwd_header("70")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (has_totag()) {
		if (!loose_route()) {
			if (!is_method("ACK")) sl_send_reply("404", "Not here");
			exit;
		}
		# A client inside is where its Contact's maddr says.
		if (\$du == \$null && \$(ru{uri.param,maddr}) != "")
			\$du = "sip:" + \$(ru{uri.param,maddr}) + ":" + \$rp + ";transport=tls";
		t_relay();
		exit;
	}
	if (is_method("REGISTER")) {
		append_to_reply("Expires: 600\r\n");
		append_to_reply("Supported: adhoclist\r\n");
		append_to_reply("Supported: msrtc-event-categories\r\n");
		append_to_reply("Allow-Events: vnd-microsoft-provisioning-v2, vnd-microsoft-roaming-contacts, vnd-microsoft-roaming-self, presence\r\n");
		xlog("L_NOTICE", "signed in: \$fu, \$hdr(ms-edge-proxy-message-trust)\n");
		save("location");
		exit;
	}
	if (\$rm == "SERVICE"
	    && \$cT == "application/msrtc-media-relay-auth+xml") {
		record_route();
		\$ru = "sip:edge.int.contoso.test:5062;grid";
		\$du = "sip:edge.int.contoso.test:5062;transport=tls";
		t_relay();
		exit;
	}
	# The answer carries the first notification.
	if (is_method("SUBSCRIBE")
	    && \$hdr(Event) == "vnd-microsoft-provisioning-v2") {
		append_to_reply("Event: vnd-microsoft-provisioning-v2\r\n");
		append_to_reply("subscription-state: terminated;expires=0\r\n");
		append_to_reply("ms-piggyback-cseq: 1\r\n");
		append_to_reply("Supported: ms-benotify, ms-piggyback-first-notify\r\n");
		set_reply_body('<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"><provisionGroup name="ServerConfiguration"><mrasUri>sip:edge.int.contoso.test@contoso.test;gruu;opaque=srvr:MRAS:lab</mrasUri></provisionGroup></provisionGroupList>', "application/vnd-microsoft-roaming-provisioning-v2+xml");
		sl_send_reply("200", "OK");
		exit;
	}
	if (\$rm =~ "^(SUBSCRIBE|SERVICE)\$") {
		sl_send_reply("489", "Bad Event");
		exit;
	}
	record_route();
	loose_route();
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
}
EOF
}

front_end_up() {
	front_end_config
	kamailio_start
}

# sipe USER NS SERVER:PORT CERTIFICATE TONE: a client signs in; what happens
# goes to $LAB/USER.log, orders to $LAB/USER.in.
sipe() {
	_peers=$LAB/$1/certificates/x509/tls_peers
	mkdir -p "$_peers"
	cp "$LAB/tls/$4.crt" "$_peers/${3%:*}"
	mkfifo "$LAB/$1.in"
	lab_spawn "$1" "$2" sh -c "exec sipe_client --user=$1 \
		--domain=contoso.test --server=$3 --home=$LAB/$1 \
		--tone=$5 <>$LAB/$1.in"
}

# sipe_ready USER: signed in, and with credentials for the relay.
sipe_ready() {
	lab_wait 30 "$1 to sign in" grep -q '^signed-on' "$LAB/$1.log"
	lab_wait 30 "$1 to find the relay" grep -q \
		'Media relay: .* TCP: 443 UDP: 3478' "$LAB/$1.log"
}
