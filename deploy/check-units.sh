#!/bin/sh
# The units' sandbox is rated by systemd itself, without running them; the
# packet filter sample must load, and must open what the port table says.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
for unit in deploy/systemd/*.service; do
	out=$(systemd-analyze security --no-pager --offline=true \
		--threshold=15 "$unit" 2>&1)
	rc=$?
	line=$(printf '%s\n' "$out" | sed -n 's/.*exposure level for //p')
	if [ $rc -ne 0 ]; then
		printf 'FAIL  %s (more than 1.5)\n' "$line"
		printf '%s\n' "$out" | grep '✗'
		status=1
	else
		printf 'unit  %s\n' "$line"
	fi
done
if [ "$(id -u)" -eq 0 ]; then
	if nft -c -f deploy/nftables/sallyport.nft; then
		echo "nft   deploy/nftables/sallyport.nft loads"
	else
		status=1
	fi
fi
for port in 443 5061 5062 8057 4443 3478 50000-59999; do
	grep -q "dport.*$port" deploy/nftables/sallyport.nft || {
		echo "FAIL  deploy/nftables/sallyport.nft does not open $port"
		status=1
	}
done
exit $status
