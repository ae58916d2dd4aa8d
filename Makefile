# Everything a developer or a newcomer types. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# What `make run`, `make lab`, `make bench` and `make soak` pass on.
LAB ?=
LIST ?=
RUN ?=
UPLINK ?=
DISK ?=
RELEASE ?=
KEY ?=
SITE ?=
STOCK ?=
BOARD ?= virt
DEBUG ?=
FUZZTIME ?= 60s
SOAK ?= 1h

PACKAGES = qemu-system-arm debian-archive-keyring kmod dnsmasq-base tayga nftables iproute2 libqmi-utils libmbim-utils libmbim-proxy
# What a disk image and its tests need besides: a cross compiler, what U-Boot is built
# with, and the program that people flash disks with.
DISK_PACKAGES = gcc-aarch64-linux-gnu libc6-dev-arm64-cross bison flex libssl-dev bc xxd make gcc libc6-dev dpkg-dev e2fsprogs arm-trusted-firmware-tools u-boot-tools bmap-tools mtools
# The longest first, which mostly waits: the others run beside it.
VM_TESTS = ./ikev2/interop $(filter-out ./ikev2/interop,$(shell grep -rlE '^//go:build vm' --include='*_test.go' . | xargs -r -n1 dirname | sort -u))
ALL_TAGS = netns,vm,image,disk,lab
NETNS_TESTS = $(shell grep -rlE '^//go:build netns' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)

.PHONY: help
help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

.PHONY: run
run: deps $(if $(DISK),deps-disk) ## boot a box behind a carrier NAT against a real hub (LAB=check: unattended; UPLINK=lte: by a modem; DISK=1: from a disk)
	go run ./lab $(if $(filter check,$(LAB)),check,run) $(UPLINK) $(if $(DISK),disk)

.PHONY: lab
lab: deps ## run the lab's scenarios (RUN=regexp: some of them; LIST=1: name them)
	go run ./lab $(if $(LIST),list,test '$(RUN)')

.PHONY: test
test: test-go test-netns test-vm test-image test-disk lab ## all tests, from fast to real

.PHONY: test-go
test-go: ## pure logic and codecs: no root, no VM
	go test -timeout 30m ./...

.PHONY: test-netns
test-netns: deps ## nftables, DHCP and sockets in network namespaces of this machine
	go test -timeout 30m -tags netns -exec 'unshare -rn' $(NETNS_TESTS)

.PHONY: test-vm
test-vm: deps build/vm ## VRF, GRE and XFRM in an arm64 VM with the box's kernel
	GOARCH=arm64 CGO_ENABLED=0 go test -p 2 -timeout 30m -tags vm -exec $(CURDIR)/build/vm $(VM_TESTS)

.PHONY: test-image
test-image: deps deps-disk ## two builds of one commit are the same, and the table of providers is what Debian's compiles to
	go test -timeout 30m -tags image ./board ./image/... ./cellular/apn/generate

.PHONY: test-disk
test-disk: deps deps-disk ## the box starts from its disk, whatever is wrong with it (updates, slots, records, sectors), up to the first protected ping
	go test -tags disk -parallel 2 -timeout 40m ./lab/bootchain
	go run ./lab check disk

.PHONY: bench
bench: deps deps-disk ## our figures beside the peer's, into docs/performance.md (RUN=id: one of them)
	go run ./lab bench $(RUN)

.PHONY: soak
soak: deps deps-disk build/vm ## a box in steady trouble for SOAK (1h), then the disks of all boards, deep exploration, a start after every power cut, and fuzzing
	go run ./lab soak $(SOAK)
	go test -count 1 -timeout 3h -tags image ./image -run '^TestDiskOfABoard$$' -every-board
	go test -count 1 -timeout 24h ./ikev2/session -run '^TestExplore$$' -explore.faults 2
	GOARCH=arm64 CGO_ENABLED=0 go test -count 1 -timeout 30m -tags vm -exec $(CURDIR)/build/vm ./cellular/interop -run '^TestTheLadder' -ladder.whole
	go test -count 1 -timeout 24h -tags disk ./lab/bootchain -run '^TestPowerCuts$$' -cuts.whole
	go test -count 1 -timeout 30m -tags disk ./lab/bootchain -run '^TestAddresses' -addresses
	$(MAKE) fuzz FUZZTIME=10m

.PHONY: image
image: deps $(if $(DISK),deps-disk) ## kernel and initramfs into build/BOARD (BOARD=virt; DEBUG=1: with a toolbox and a shell; DISK=1: a disk too, KEY=FILE, SITE=DIR, RELEASE=1, STOCK=FILE)
	go run ./image -board $(BOARD) $(if $(DEBUG),-toolbox) $(if $(DISK),-disk) $(if $(RELEASE),-release) $(if $(KEY),-key $(KEY)) $(if $(SITE),-site $(SITE)) $(if $(STOCK),-stock $(STOCK))

.PHONY: lint
lint: ## gofmt, go vet and staticcheck, for every build tag
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	for tags in '' $(ALL_TAGS); do go vet -tags "$$tags" ./...; done
	go tool staticcheck -tags $(ALL_TAGS) ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s)
	@grep -rnoE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' . | sed -E 's#^(.*)/[^/]+:[0-9]+:func (Fuzz.*)#\1 \2#' | sort -u | \
	while read -r package target; do \
		echo "$$package $$target"; \
		go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$package"; \
	done

.PHONY: clean
clean: ## remove what was built; what was downloaded stays in the user's cache
	rm -rf build

.PHONY: deps-disk
deps-disk: ## install what a disk image needs besides, a cross compiler among it
	@.ci/install $(DISK_PACKAGES)

.PHONY: deps
deps: ## install the Debian packages that the lab and the VM tests need
	@.ci/install $(PACKAGES)

build/vm: $(wildcard internal/vm/*.go internal/kmod/*.go internal/initramfs/*.go internal/debian/*.go internal/rootfs/*.go)
	go build -o $@ ./internal/vm
