# Calls between two real clients, whatever they are: each has its files in
# $LAB/USER and its output in $LAB/USER.log. Before the first call say what it
# is and which tone it plays: PARTY_bob='baresip in_in 5552 880',
# PARTY_carol='linphone 440'. Source after baresip.sh and linphone.sh.

party() { eval "echo \"\$PARTY_$1\""; }
party_is_linphone() { case $(party "$1") in linphone*) ;; *) return 1 ;; esac; }

# party_tone USER: what it plays, in Hz.
party_tone() { party "$1" | awk '{ print $NF }'; }

# party_dial USER CALLEE
party_dial() {
	if party_is_linphone "$1"; then
		linphone_say "$LAB/$1" "call sip:$2@contoso.test"
	else
		set -- $(party "$1") "$2"
		baresip_ask "$2" "$3" dial "sip:$5@contoso.test" >/dev/null
	fi
}

party_hangup() {
	if party_is_linphone "$1"; then
		linphone_say "$LAB/$1" terminate
	else
		set -- $(party "$1")
		baresip_ask "$2" "$3" hangup >/dev/null
	fi
}

# party_reached USER COUNT LINPHONE-STATE BARESIP-WORDS
party_reached() {
	if party_is_linphone "$1"; then
		_seen=$(grep -c "to LinphoneCall$3" "$LAB/$1/trace")
	else
		_seen=$(grep -c "$4" "$LAB/$1.log")
	fi
	[ "$_seen" -ge "$2" ]
}

# party_record USER: a new recording.
party_record() {
	if party_is_linphone "$1"; then
		linphone_say "$LAB/$1" "record $LAB/$1/heard-$COUNT.wav"
	else
		rm -f "$LAB/$1"/rec/*
	fi
}

# party_recorded USER: three seconds are on record.
party_recorded() {
	if party_is_linphone "$1"; then
		sounds_for 3 "$LAB/$1/heard-$COUNT.wav"
	else
		baresip_hears 3 "$1"
	fi
}

# party_hears USER HZ: what it recorded last is that tone, for 2 s at least;
# the checks of ICE may take the rest.
party_hears() {
	if party_is_linphone "$1"; then
		_wav=$LAB/$1/heard-$COUNT.wav
	else
		_wav=$(ls "$LAB/$1"/rec/*-dec.wav)
	fi
	lab_wait 10 "the recording to have a header" grep -qa '^RIFF' "$_wav"
	set -- "$1" "$2" $(tone_of "$_wav")
	echo "call $COUNT: $1 hears $3 Hz for $4 s"
	[ "$2" = "$3" ] || fail "call $COUNT: $1 hears $3 Hz, not $2"
	[ "${4%.*}" -ge 2 ] || fail "call $COUNT: $1 hears only $4 s"
}

# call CALLER CALLEE WHO-HANGS-UP [MEANWHILE]: each must hear the other's tone.
# Every call counts for every party: two of them in a test, no more.
COUNT=0
call() {
	COUNT=$((COUNT + 1))
	party_record "$1"
	party_record "$2"
	party_dial "$1" "$2"
	for _who in "$1" "$2"; do
		lab_wait 15 "call $COUNT to be established" party_reached \
			"$_who" "$COUNT" StreamsRunning 'Call established'
	done
	sleep 5
	for _who in "$1" "$2"; do
		lab_wait 20 "sound in call $COUNT" party_recorded "$_who"
	done
	"${4:-:}"
	party_hangup "$3"
	for _who in "$1" "$2"; do
		lab_wait 10 "call $COUNT to end on both sides" party_reached \
			"$_who" "$COUNT" Released 'terminated (duration'
	done
	sleep 1
	party_hears "$1" "$(party_tone "$2")"
	party_hears "$2" "$(party_tone "$1")"
}
