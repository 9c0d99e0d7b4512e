# Installing: `make install`, or with DESTDIR for packages.

SBINDIR    := $(DESTDIR)$(PREFIX)/sbin
BINDIR     := $(DESTDIR)$(PREFIX)/bin
MANDIR     := $(DESTDIR)$(PREFIX)/share/man
LIBDIR     := $(DESTDIR)$(PREFIX)/lib
SHAREDIR   := $(DESTDIR)$(PREFIX)/share/sallyport
CONFDIR    := $(DESTDIR)/etc/sallyport
COMPDIR    := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR     := $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions

.PHONY: demo
demo: deps ## a real call and a conference across the edge on loopback addresses (ARGS=--once)
	@$(MAKE) --no-print-directory -j2 programs $(B)/bin/inside \
		$(B)/bin/meeting
	@B=$(B) deploy/demo/demo.sh $(ARGS)

# All follow from edgectl's table of commands; `make docs` compares them.
.PHONY: generated
generated: $(B)/bin/edgectl ## write edgectl's manual page and completions anew
	@mkdir -p deploy/completion
	$(B)/bin/edgectl help --mdoc >docs/man/edgectl.1
	$(B)/bin/edgectl completion bash >deploy/completion/edgectl
	$(B)/bin/edgectl completion zsh >deploy/completion/_edgectl

.PHONY: install uninstall units
install: programs ## install programs, units, users, man pages (DESTDIR=, PREFIX=)
	install -d $(SBINDIR) $(BINDIR) $(CONFDIR)/tls $(SHAREDIR) \
		$(LIBDIR)/systemd/system $(LIBDIR)/sysusers.d $(LIBDIR)/tmpfiles.d \
		$(MANDIR)/man1 $(MANDIR)/man5 $(MANDIR)/man8 $(COMPDIR) $(ZSHDIR)
	install -m 755 $(DAEMONS:%=$(B)/bin/%) $(B)/bin/webconf-connector \
		$(SBINDIR)
	install -m 755 $(B)/bin/edgectl $(BINDIR)
	install -m 644 deploy/systemd/*.service deploy/systemd/*.socket \
		deploy/systemd/*.target $(LIBDIR)/systemd/system
	install -m 644 deploy/sysusers.d/sallyport.conf $(LIBDIR)/sysusers.d
	install -m 644 deploy/tmpfiles.d/sallyport.conf $(LIBDIR)/tmpfiles.d
	install -m 644 deploy/conf/*.yaml deploy/nftables/*.nft $(SHAREDIR)
	install -m 644 docs/man/*.1 $(MANDIR)/man1
	install -m 644 docs/man/*.5 $(MANDIR)/man5
	install -m 644 docs/man/*.8 $(MANDIR)/man8
	install -m 644 deploy/completion/edgectl $(COMPDIR)
	install -m 644 deploy/completion/_edgectl $(ZSHDIR)
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then \
		systemd-sysusers sallyport.conf && \
		systemd-tmpfiles --create sallyport.conf && \
		{ [ ! -d /run/systemd/system ] || systemctl daemon-reload; }; \
	fi
	@echo "Installed. Next: edgectl init, then systemctl enable --now sallyport.target"

uninstall: ## remove what install put there; /etc and /var stay
	rm -f $(DAEMONS:%=$(SBINDIR)/%) $(SBINDIR)/webconf-connector $(BINDIR)/edgectl
	rm -f $(COMPDIR)/edgectl $(ZSHDIR)/_edgectl
	rm -f $(LIBDIR)/systemd/system/sallyport*.service \
		$(LIBDIR)/systemd/system/sallyport*.socket \
		$(LIBDIR)/systemd/system/sallyport.target
	rm -f $(LIBDIR)/sysusers.d/sallyport.conf $(LIBDIR)/tmpfiles.d/sallyport.conf
	rm -rf $(SHAREDIR)
	for p in docs/man/*.[158]; do \
		rm -f $(MANDIR)/man$${p##*.}/$$(basename $$p); done

# Exposure as systemd rates it: 1.5 at most (docs/decisions).
units: ## check the sandbox of every systemd unit, and the packet filter
	@deploy/check-units.sh
