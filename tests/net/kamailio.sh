# Kamailio as the inside: registrar with digest authentication and Path,
# proxy for calls, and the hop that passes SERVICE on to av-auth over mutual
# TLS, as a Front End does. Source after lib.sh, call kamailio_up;
# the variables say for which organisation.

kamailio_defaults() {
	KAM_DIR=kamailio
	KAM_NS=in_in
	KAM_DOMAIN=contoso.test
	KAM_IP=10.0.0.20
	KAM_NAME=fe.int.contoso.test
	KAM_CERT=fe
	KAM_CA=internal-ca
	KAM_EDGE_IP=10.0.0.10
	KAM_EDGE_NAME=edge.int.contoso.test
}
kamailio_defaults

# Who it is to others.
kamailio_tls() {
	mkdir -p "$LAB/$KAM_DIR"
	cat >"$LAB/$KAM_DIR/tls.cfg" <<EOF
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = $LAB/tls/$KAM_CERT.key
certificate = $LAB/tls/$KAM_CERT.crt
ca_list = $LAB/tls/$KAM_CA.crt

[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = $LAB/tls/$KAM_CERT.key
certificate = $LAB/tls/$KAM_CERT.crt
ca_list = $LAB/tls/$KAM_CA.crt
EOF
}

# kamailio_globals: what each of its configurations begins with
kamailio_globals() {
	cat <<EOF
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=2
enable_tls=yes
tcp_connection_lifetime=3605
tcp_accept_no_cl=yes
listen=tls:$KAM_IP:5061
alias="$KAM_NAME"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "path.so"
modparam("tls", "config", "$LAB/$KAM_DIR/tls.cfg")
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 1)
modparam("registrar", "path_use_received", 0)
modparam("registrar", "gruu_enabled", 0)
modparam("usrloc", "db_mode", 0)
modparam("rr", "enable_double_rr", 1)
EOF
}

kamailio_config() {
	kamailio_tls
	kamailio_globals >"$LAB/$KAM_DIR/kamailio.cfg"
	cat >>"$LAB/$KAM_DIR/kamailio.cfg" <<EOF
alias="$KAM_DOMAIN"
server_header="Server: kamailio"
loadmodule "auth.so"
loadmodule "nathelper.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "fifo_name", "")
modparam("jsonrpcs", "dgram_socket", "$LAB/$KAM_DIR/rpc.sock")
modparam("registrar|nathelper", "received_avp", "\$avp(RECEIVED)")
modparam("tm", "fr_timer", 10000)
request_route {
	if (!mf_process_maxfwd_header("70")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	# Inside clients are reached by the connection they opened.
	if (\$si != "$KAM_EDGE_IP" && is_present_hf("Contact")
	    && !is_method("REGISTER")) add_contact_alias();
	if (has_totag()) {
		if (is_method("ACK") && !loose_route()) {
			if (t_check_trans()) t_relay();
			exit;
		}
		if (!is_method("ACK") && !loose_route()) {
			sl_send_reply("404", "Not here");
			exit;
		}
		# Another server further on: what its Contacts mean is its affair.
		if (\$du == \$null) handle_ruri_alias();
		route(RELAY);
		exit;
	}
	if (is_method("OPTIONS") && uri == myself) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (\$rm == "SERVICE"
	    && \$cT == "application/msrtc-media-relay-auth+xml") {
		if (!pv_proxy_authenticate("$KAM_DOMAIN", "secret-\$fU", "0")) {
			proxy_challenge("$KAM_DOMAIN", "0");
			exit;
		}
		consume_credentials();
		record_route();
		\$ru = "sip:$KAM_EDGE_NAME:5062;grid";
		\$du = "sip:$KAM_EDGE_NAME:5062;transport=tls";
		t_relay();
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("$KAM_DOMAIN", "secret-\$fU", "0")) {
			www_challenge("$KAM_DOMAIN", "0");
			exit;
		}
		if (\$si != "$KAM_EDGE_IP") fix_nated_register();
		# As a registrar with outbound says it (RFC 5626 section 6).
		if (\$hdr(Supported) =~ "outbound" && \$ct =~ "reg-id")
			append_to_reply("Require: outbound\r\n");
		save("location");
		exit;
	}
	if (\$rm =~ "^(INVITE|MESSAGE|SUBSCRIBE|BENOTIFY|INFO|OPTIONS)\$") {
		# Whoever speaks for another domain comes through the edge,
		# which has looked at him.
		if (\$fd != "$KAM_DOMAIN" && \$si != "$KAM_EDGE_IP") {
			sl_send_reply("403", "Forbidden");
			exit;
		}
		if (\$fd == "$KAM_DOMAIN"
		    && is_method("INVITE|MESSAGE|SUBSCRIBE")) {
			if (!pv_proxy_authenticate("$KAM_DOMAIN", "secret-\$fU", "0")) {
				proxy_challenge("$KAM_DOMAIN", "0");
				exit;
			}
			consume_credentials();
		}
		record_route();
		loose_route();
		if (\$rd != "$KAM_DOMAIN") {
			\$du = "sip:$KAM_EDGE_NAME:5061;transport=tls";
			route(RELAY);
			exit;
		}
		if (!lookup("location")) {
			sl_send_reply("404", "Not Found");
			exit;
		}
		route(RELAY);
		exit;
	}
	sl_send_reply("501", "Not Implemented");
}
route[RELAY] {
	t_on_reply("ALIAS");
	t_relay();
}
onreply_route[ALIAS] {
	if (\$si != "$KAM_EDGE_IP" && is_present_hf("Contact")) add_contact_alias();
}
EOF
}

# kamailio_up: the password of user U is secret-U.
kamailio_up() {
	kamailio_config
	kamailio_start
}

kamailio_start() {
	lab_spawn "$KAM_DIR" "$KAM_NS" kamailio -DD -E -m 64 -M 16 \
		-f "$LAB/$KAM_DIR/kamailio.cfg" -P "$LAB/$KAM_DIR/pid" \
		-Y "$LAB/$KAM_DIR"
	lab_wait 10 "Kamailio to listen" "$KAM_NS" sh -c \
		"ss -Htln 'sport = :5061' | grep -q $KAM_IP"
}
