#!/bin/sh
# A client of Microsoft's dialect that is not ours (libpurple with the SIPE
# plugin): two of them outside sign in through the edge at a Front End inside,
# learn there whom to ask for relay credentials, get them by SERVICE, and
# write to each other.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kamailio.sh"
. "$(dirname "$0")/front_end.sh"

lab_setup
lab_up
front_end_up
lab_dns
sipe alice in_out sip.contoso.test:443 public 440
# A REGISTER of a multiple of 256 octets breaks libpurple's ring buffer: with
# a name two letters shorter (bob) the next message would begin in its middle.
sipe carol in_out sip.contoso.test:443 public 880
for _who in alice carol; do
	sipe_ready $_who
	grep -q 'connected via Edge Server' "$LAB/$_who.log" ||
		fail "$_who was not told that it is outside"
	grep -q 'server determined keep alive timeout' "$LAB/$_who.log" ||
		fail "no keep-alive was agreed with $_who"
	grep -q 'Media relay: av.contoso.test' "$LAB/$_who.log" ||
		fail "$_who was sent to another relay"
done
echo 'send carol@contoso.test good evening, carol' >"$LAB/alice.in"
lab_wait 30 "carol to read it" grep -q \
	'^message sip:alice@contoso.test good evening, carol' "$LAB/carol.log"
echo 'send alice@contoso.test and to you' >"$LAB/carol.in"
lab_wait 30 "alice to read it" grep -q \
	'^message sip:carol@contoso.test and to you' "$LAB/alice.log"
echo quit >"$LAB/alice.in"
echo quit >"$LAB/carol.in"
lab_wait 30 "both to sign out" sh -c \
	"grep -q ^signed-off $LAB/alice.log && grep -q ^signed-off $LAB/carol.log"
lab_ok "SIPE: signed in, credentials, messages both ways"
