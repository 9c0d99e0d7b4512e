# Kamailio as the inside: registrar with digest authentication and Path,
# proxy for calls, and the hop that passes SERVICE on to av-auth over mutual
# TLS, as a Front End does. Source after lib.sh, call kamailio_up.

kamailio_config() {
	mkdir -p "$LAB/kamailio"
	cat >"$LAB/kamailio/tls.cfg" <<EOF
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = $LAB/tls/fe.key
certificate = $LAB/tls/fe.crt
ca_list = $LAB/tls/internal-ca.crt

[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = $LAB/tls/fe.key
certificate = $LAB/tls/fe.crt
ca_list = $LAB/tls/internal-ca.crt
EOF
	cat >"$LAB/kamailio/kamailio.cfg" <<EOF
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=2
enable_tls=yes
tcp_connection_lifetime=3605
tcp_accept_no_cl=yes
listen=tls:10.0.0.20:5061
alias="contoso.test"
alias="fe.int.contoso.test"
server_header="Server: kamailio"
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
loadmodule "auth.so"
loadmodule "nathelper.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "fifo_name", "")
modparam("jsonrpcs", "dgram_socket", "$LAB/kamailio/rpc.sock")
modparam("tls", "config", "$LAB/kamailio/tls.cfg")
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 1)
modparam("registrar", "path_use_received", 0)
modparam("registrar", "gruu_enabled", 0)
modparam("registrar|nathelper", "received_avp", "\$avp(RECEIVED)")
modparam("usrloc", "db_mode", 0)
modparam("rr", "enable_double_rr", 1)
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
	if (\$si != "10.0.0.10" && is_present_hf("Contact")
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
		handle_ruri_alias();
		route(RELAY);
		exit;
	}
	if (is_method("OPTIONS") && uri == myself) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (\$rm == "SERVICE"
	    && \$cT == "application/msrtc-media-relay-auth+xml") {
		if (!pv_proxy_authenticate("contoso.test", "secret-\$fU", "0")) {
			proxy_challenge("contoso.test", "0");
			exit;
		}
		consume_credentials();
		record_route();
		\$ru = "sip:edge.int.contoso.test:5062;grid";
		\$du = "sip:edge.int.contoso.test:5062;transport=tls";
		t_relay();
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("contoso.test", "secret-\$fU", "0")) {
			www_challenge("contoso.test", "0");
			exit;
		}
		if (\$si != "10.0.0.10") fix_nated_register();
		# As a registrar with outbound says it (RFC 5626 section 6).
		if (\$hdr(Supported) =~ "outbound" && \$ct =~ "reg-id")
			append_to_reply("Require: outbound\r\n");
		save("location");
		exit;
	}
	if (\$rm =~ "^(INVITE|MESSAGE|SUBSCRIBE|BENOTIFY|INFO|OPTIONS)\$") {
		if (is_method("INVITE|MESSAGE|SUBSCRIBE")) {
			if (!pv_proxy_authenticate("contoso.test", "secret-\$fU", "0")) {
				proxy_challenge("contoso.test", "0");
				exit;
			}
			consume_credentials();
		}
		record_route();
		loose_route();
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
	if (\$si != "10.0.0.10" && is_present_hf("Contact")) add_contact_alias();
}
EOF
}

# kamailio_up: the password of user U is secret-U.
kamailio_up() {
	kamailio_config
	lab_spawn kamailio in_in kamailio -DD -E -m 64 -M 16 \
		-f "$LAB/kamailio/kamailio.cfg" -P "$LAB/kamailio/pid" \
		-Y "$LAB/kamailio"
	lab_wait 10 "Kamailio to listen" in_in sh -c \
		'ss -Htln "sport = :5061" | grep -q 10.0.0.20'
}
