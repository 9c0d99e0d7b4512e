#!/bin/bash
# The completions in deploy/completion/ offer what there is: each is loaded
# into its own shell and asked, as Tab would, behind some beginnings of
# commands. zsh's _describe and _files are taken over to see what they get.
set -u
status=0

in_bash() # WORD... -> what is offered for the last one
{
	bash --norc -c '
		. deploy/completion/edgectl
		COMP_WORDS=(edgectl "$@"); COMP_CWORD=$#
		_edgectl; printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}

in_zsh()
{
	zsh -f -c '
		compdef() { : }
		_describe() { print -l -- "${(@)${(P@)2}%%:*}" }
		_files() { print -l -- * }
		. deploy/completion/_edgectl
		words=(edgectl "$@"); CURRENT=$#words
		_edgectl' - "$@"
}

# offers SHELL WANTED WORD...: WANTED is among what is offered.
offers()
{
	local shell=$1 wanted=$2
	shift 2
	"in_$shell" "$@" | grep -qxF -- "$wanted" && return
	echo "completion: $shell offers no $wanted for 'edgectl $*'"
	status=1
}

for shell in bash zsh; do
	command -v "$shell" >/dev/null || {
		echo "completion: no $shell here, not tried (make deps-tools)"
		continue
	}
	offers "$shell" topology ''
	offers "$shell" --json ''
	offers "$shell" rollback topology ''
	offers "$shell" --override topology apply ''
	offers "$shell" --deadline drain ''
	offers "$shell" --deadline drain av-edge ''
	offers "$shell" status publish ''
	offers "$shell" --canary publish ''
	offers "$shell" apply -c /x topology ''
	offers "$shell" README.md replication bootstrap --trust ''
	in_$shell topology '' | grep -qxF -- --override && {
		echo "completion: $shell offers options before the verb"
		status=1
	}
done
exit $status
